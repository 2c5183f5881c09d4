//! `POST /api/auth/logout`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::refresh::{RefreshBody, parse};
use crate::accounts;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// Ends the session of a refresh token. Its access token is refused by all processes within two seconds.
#[utoipa::path(post, path = "/api/auth/logout", operation_id = "logout", tag = "accounts",
    request_body = RefreshBody,
    responses(
        (status = 204, description = "The session has ended"),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "`invalid_refresh_token`: the token was never valid", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let body = read_json(&request, payload, &state).await?;
    let token = parse(&body)?;
    accounts::logout(accounts, token, &client_info(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
