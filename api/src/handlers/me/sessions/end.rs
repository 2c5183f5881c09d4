//! `DELETE /api/me/sessions/{id}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::access::SessionId;

use crate::accounts;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::{ApiError, ErrorDetail};
use crate::state::AppState;

/// Ends a session of the user.
#[utoipa::path(delete, path = "/api/me/sessions/{id}", operation_id = "endSession", tag = "accounts",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "The user has no such session, or it has ended already; or accounts are off", body = crate::error::ErrorBody),
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
    let client = client_info(&request);
    accounts::end_session(accounts, user, session_id(&request)?, &client).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn session_id(request: &HttpRequest) -> Result<SessionId, ApiError> {
    let id = request.match_info().get("id").unwrap_or_default();
    id.parse().map_err(|_| {
        let details = vec![ErrorDetail::new("id", "must be a UUID")];
        let message = "The id of a session in the path must be a UUID";
        ApiError::bad_request("invalid_session_id", message, details)
    })
}
