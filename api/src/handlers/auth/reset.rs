//! `POST /api/auth/reset`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::SecretString;
use utoipa::ToSchema;

use super::fields::secret;
use crate::accounts::{self, NewPassword};
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = PasswordReset)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct PasswordResetBody {
    /// The token that was sent.
    #[schema(min_length = 1, max_length = 512, example = "tdp_…")]
    token: String,
    /// 12 to 128 characters.
    #[schema(min_length = 12, max_length = 128)]
    password: String,
}

/// Sets a new password with a token that was sent, and ends all sessions of the user.
#[utoipa::path(post, path = "/api/auth/reset", operation_id = "resetPassword", tag = "accounts",
    request_body = PasswordResetBody,
    responses(
        (status = 204, description = "The password is set"),
        (status = 400, description = "`invalid_reset_token`: the token is unknown, expired or used; otherwise `details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 429, description = "`too_many_attempts`: see `Retry-After`", body = crate::error::ErrorBody),
        (status = 503, description = "`busy`: too many passwords are being hashed; or the database is unavailable", body = crate::error::ErrorBody),
    ),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let body = read_json(&request, payload, &state).await?;
    let (token, password) = parse(&body)?;
    accounts::reset(accounts, &token, password, &client_info(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse(body: &[u8]) -> Result<(SecretString, NewPassword), ApiError> {
    let mut reader = ObjectReader::parse(body, &["token", "password"], "request")?;
    let token = reader.required("token", secret);
    let password = reader.required("password", values::parsed);
    reader.finish(token.zip(password))
}
