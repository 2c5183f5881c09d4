use jiff::Timestamp;
use tidings_domain::access::{DashboardRole, DashboardSessionToken, Scope, Scopes, SessionId};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::{IDLE_TIME, SessionHolder, TOUCH_INTERVAL};
use crate::GenericClient;
use crate::error::DbError;

/// A session that may be used.
#[derive(Clone, PartialEq, Eq)]
pub struct DashboardSession {
    /// The id.
    pub id: SessionId,
    /// Who has logged in.
    pub holder: SessionHolder,
    /// The role at the login.
    pub role: DashboardRole,
    /// What the session may do.
    pub scopes: Scopes,
    /// When a request last used it, to a minute.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// Whether its time of use is to be written.
    pub is_touch_due: bool,
    /// The name of the user.
    pub username: Option<String>,
    /// The time zone of the user.
    pub timezone: Option<String>,
}

/// Logs must not contain names.
impl std::fmt::Debug for DashboardSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DashboardSession")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Finds the session of a token. Returns `None` if there is none, if it has ended, or if its user is to be deleted, is deleted
/// or has another role.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    token: &DashboardSessionToken,
) -> Result<Option<DashboardSession>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT session.id, user_id, created_by, session.role, scopes, last_used_at, expires_at,
                    least(expires_at, last_used_at + make_interval(secs => $2)),
                    last_used_at <= now() - make_interval(secs => $3), username, timezone
             FROM dashboard_sessions AS session LEFT JOIN users ON users.id = user_id
             WHERE token = $1 AND ended_at IS NULL AND expires_at > now()
                   AND last_used_at > now() - make_interval(secs => $2)
                   AND (user_id IS NULL OR users.role = session.role AND deletion_id IS NULL AND erased_at IS NULL
                                           AND NOT is_deleted)",
        )
        .await?;
    let row = client
        .query_opt(
            &statement,
            &[
                &&token.hash()[..],
                &IDLE_TIME.as_secs_f64(),
                &TOUCH_INTERVAL.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.and_then(|row| {
        let user: Option<Uuid> = row.get(1);
        let created_by = || row.get::<_, Option<String>>(2).map(SessionHolder::Link);
        let user = user.map(|user| SessionHolder::User(UserId::from(user)));
        let names: Vec<&str> = row.get(4);
        // A right that this version does not know is not granted.
        let scopes = names.iter().filter_map(|name| name.parse::<Scope>().ok());
        Some(DashboardSession {
            id: row.get::<_, Uuid>(0).into(),
            holder: user.or_else(created_by)?,
            role: row.get::<_, &str>(3).parse().ok()?,
            scopes: scopes.collect(),
            last_used_at: row.get(5),
            expires_at: row.get(6),
            idle_expires_at: row.get(7),
            is_touch_due: row.get(8),
            username: row.get(9),
            timezone: row.get(10),
        })
    }))
}

/// Records that a session is used now. Returns when it ends unless it is used again; `None` if it has ended meanwhile.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn touch(
    client: &impl GenericClient,
    id: SessionId,
) -> Result<Option<Timestamp>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE dashboard_sessions SET last_used_at = greatest(last_used_at, now())
             WHERE id = $1 AND ended_at IS NULL
             RETURNING least(expires_at, last_used_at + make_interval(secs => $2))",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&id.as_uuid(), &IDLE_TIME.as_secs_f64()])
        .await?;
    Ok(row.map(|row| row.get(0)))
}
