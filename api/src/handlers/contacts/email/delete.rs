//! `DELETE /api/users/{userId}/contacts/email`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::users::{self, SetEmailResult};

use crate::error::ApiError;
use crate::handlers::contacts::owner::Owner;
use crate::state::AppState;

/// Takes a user's e-mail address away.
#[utoipa::path(delete, path = "/api/users/{userId}/contacts/email", operation_id = "deleteEmail", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 204, description = "The user has no address"),
        (status = 400, description = "The id is no UUID", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "No such user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let set = state
        .database
        .run(async |client| users::set_email(client, owner.0, None).await)
        .await?;
    match set {
        SetEmailResult::Updated => Ok(HttpResponse::NoContent().finish()),
        SetEmailResult::UnknownUser => Err(Owner::not_found()),
        SetEmailResult::AddressTaken => Err(ApiError::internal("no address was taken")),
    }
}
