//! `GET /api/me/sessions`.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::user_sessions::UserSession;
use utoipa::ToSchema;

use crate::accounts;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// A session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub struct SessionView {
    /// The id.
    id: uuid::Uuid,
    /// Whether the token of the request belongs to it.
    current: bool,
    /// When the user logged in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When a refresh token was last used.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The address of the client at the login.
    #[schema(value_type = Option<String>, example = "192.0.2.7")]
    ip: Option<IpAddr>,
    /// The `User-Agent` of the login.
    user_agent: Option<String>,
}

/// The sessions of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
pub struct SessionList {
    /// The newest first, at most 200.
    sessions: Vec<SessionView>,
}

/// Returns the sessions of the user that have not ended.
#[utoipa::path(get, path = "/api/me/sessions", operation_id = "listSessions", tag = "accounts",
    responses(
        (status = 200, description = "The sessions", body = SessionList),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let (user, current) = caller.check_own_session()?;
    let sessions = accounts::list_sessions(accounts, user).await?;
    let view = |row: UserSession| SessionView {
        id: row.id.as_uuid(),
        current: row.id == current,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        ip: row.ip,
        user_agent: row.user_agent,
    };
    Ok(HttpResponse::Ok().json(SessionList {
        sessions: sessions.into_iter().map(view).collect(),
    }))
}
