//! `GET /api/dashboard/session`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::view::SessionView;
use crate::dashboard::ActiveSession;
use crate::state::AppState;

/// Returns the session of the dashboard that the request uses.
#[utoipa::path(get, path = "/api/dashboard/session", operation_id = "findDashboardSession", tag = "dashboard",
    responses(
        (status = 200, description = "The session", body = SessionView),
        (status = 401, description = "There is no session, or it has ended", body = crate::error::ErrorBody),
        (status = 403, description = "The request has a token or key instead of a session, or another page sends it (`foreign_origin`)", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("session" = [])),
)]
pub async fn handle(state: Data<AppState>, active: ActiveSession) -> HttpResponse {
    let default = &state.dashboard.default_timezone;
    HttpResponse::Ok().json(SessionView::new(
        &active.session,
        active.csrf_token,
        default,
    ))
}
