//! `POST /api/auth/logout-all`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::accounts;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::state::AppState;

/// Ends all sessions of the user, this one included.
#[utoipa::path(post, path = "/api/auth/logout-all", operation_id = "logoutAll", tag = "accounts",
    responses(
        (status = 204, description = "All sessions have ended"),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let (user, _) = caller.check_own_session()?;
    accounts::logout_all(accounts, user, &client_info(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
