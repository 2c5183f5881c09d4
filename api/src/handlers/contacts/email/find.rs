//! `GET /api/users/{userId}/contacts/email`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::users;

use super::EmailView;
use crate::error::ApiError;
use crate::handlers::contacts::owner::Owner;
use crate::state::AppState;

/// Returns a user's e-mail address.
#[utoipa::path(get, path = "/api/users/{userId}/contacts/email", operation_id = "getEmail", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The address, or null", body = EmailView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let found = state
        .database
        .run(async |client| users::email(client, owner.0).await)
        .await?;
    let email = found.ok_or_else(Owner::not_found)?.into_address();
    Ok(HttpResponse::Ok().json(EmailView { email }))
}
