//! `DELETE /api/me`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use crate::accounts::{self, GivenPassword};
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::users::delete::DeletionView;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = AccountDeletion)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct AccountDeletionBody {
    /// The password of the user.
    #[schema(min_length = 1, max_length = 128)]
    password: String,
}

/// Requests the deletion of the user of the token, and ends all sessions. Sends an e-mail with a link that cancels it. After `DELETION_GRACE_HOURS`, everything that
/// belongs to the user is erased.
#[utoipa::path(delete, path = "/api/me", operation_id = "deleteMe", tag = "accounts",
    request_body = AccountDeletionBody,
    responses(
        (status = 202, description = "The deletion waits", body = DeletionView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid, or `invalid_credentials`: the password is wrong", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 409, description = "`last_admin`: no other user is an admin", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 429, description = "`too_many_attempts`: see `Retry-After`", body = crate::error::ErrorBody),
        (status = 503, description = "`busy`: too many passwords are being hashed; or the database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let (user, _) = caller.check_own_session()?;
    let body = read_json(&request, payload, &state).await?;
    let mut reader = ObjectReader::parse(&body, &["password"], "request")?;
    let password: Option<GivenPassword> = reader.required("password", values::parsed);
    let password = reader.finish(password)?;
    let client = client_info(&request);
    let row = accounts::delete_account(accounts, user, password, &state.deletions, &client).await?;
    Ok(HttpResponse::Accepted().json(DeletionView::from(row)))
}
