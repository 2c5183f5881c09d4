//! `POST /api/auth/refresh`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::view::TokensView;
use crate::accounts::{self, AccountError, RefreshToken};
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = Refresh)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct RefreshBody {
    /// The refresh token of the last login or refresh.
    #[schema(
        rename = "refreshToken",
        min_length = 1,
        max_length = 512,
        example = "tdr_…"
    )]
    refresh_token: String,
}

/// Exchanges a refresh token for the next pair of tokens. The same token gets the same pair again for a minute
/// (`REFRESH_GRACE_SECS`), so a lost response does no harm. A token that was replaced before ends the session.
#[utoipa::path(post, path = "/api/auth/refresh", operation_id = "refresh", tag = "accounts",
    request_body = RefreshBody,
    responses(
        (status = 200, description = "The next pair", body = TokensView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "`invalid_refresh_token`: the token is not valid, or its session has ended", body = crate::error::ErrorBody),
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
    let tokens = accounts::refresh(accounts, token, &client_info(&request)).await?;
    Ok(HttpResponse::Ok().json(TokensView::from(tokens)))
}

/// Reads the token. A text that is not one is refused like a token that is not valid.
///
/// # Errors
///
/// Returns 400 if the body is not an object with a token, and 401 if the token cannot be one.
pub fn parse(body: &[u8]) -> Result<RefreshToken, ApiError> {
    let mut reader = ObjectReader::parse(body, &["refreshToken"], "request")?;
    let text = reader.required("refreshToken", values::string);
    let text = reader.finish(text)?;
    let token = text
        .parse()
        .map_err(|_| AccountError::InvalidRefreshToken)?;
    Ok(token)
}
