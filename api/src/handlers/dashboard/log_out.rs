//! `DELETE /api/dashboard/session`.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::client_info::client_info;
use crate::dashboard::{self, ActiveSession};
use crate::error::ApiError;
use crate::state::AppState;

/// Ends the session of the dashboard that the request uses.
#[utoipa::path(delete, path = "/api/dashboard/session", operation_id = "deleteDashboardSession", tag = "dashboard",
    params(
        ("X-CSRF-Token" = String, Header, description = "The `csrfToken` of the session"),
    ),
    responses(
        (status = 204, description = "Logged out",
            headers(("Set-Cookie" = String, description = "Deletes the cookie"))),
        (status = 401, description = "There is no session, or it has ended", body = crate::error::ErrorBody),
        (status = 403, description = "The request has a token or key instead of a session; or it lacks the right `X-CSRF-Token` (`csrf_token_required`, `csrf_token_invalid`); or another page sends it (`foreign_origin`, `origin_required`, `https_required`)", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("session" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    active: ActiveSession,
) -> Result<HttpResponse, ApiError> {
    dashboard::log_out(&state.database, &active.session, &client_info(&request)).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((SET_COOKIE, active.cookie.delete()))
        .finish())
}
