//! `POST /api/auth/password`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use crate::accounts::{self, GivenPassword, NewPassword};
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = PasswordChange)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct PasswordChangeBody {
    /// The password so far.
    #[schema(rename = "currentPassword", min_length = 1, max_length = 128)]
    current_password: String,
    /// 12 to 128 characters.
    #[schema(rename = "newPassword", min_length = 12, max_length = 128)]
    new_password: String,
}

/// Sets another password, and ends the other sessions of the user.
#[utoipa::path(post, path = "/api/auth/password", operation_id = "changePassword", tag = "accounts",
    request_body = PasswordChangeBody,
    responses(
        (status = 204, description = "The password is set"),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid, or `invalid_credentials`: the current password is wrong", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
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
    let (user, session) = caller.check_own_session()?;
    let body = read_json(&request, payload, &state).await?;
    let (current, new) = parse(&body)?;
    let client = client_info(&request);
    accounts::change_password(accounts, user, session, current, new, &client).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse(body: &[u8]) -> Result<(GivenPassword, NewPassword), ApiError> {
    let mut reader = ObjectReader::parse(body, &["currentPassword", "newPassword"], "request")?;
    let current = reader.required("currentPassword", values::parsed);
    let new = reader.required("newPassword", values::parsed);
    reader.finish(current.zip(new))
}
