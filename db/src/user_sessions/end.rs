use std::time::Duration;

use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::dashboard_sessions::{self, DashboardEndReason};
use crate::error::DbError;

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The user has logged out.
    Logout,
    /// The user has ended all sessions.
    LogoutAll,
    /// The user has ended the session from another one.
    Revoked,
    /// A refresh token was used that had been replaced.
    Reuse,
    /// The user has another password.
    PasswordChanged,
    /// The account is deleted.
    UserDeleted,
}

impl EndReason {
    /// The name in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Revoked => "revoked",
            Self::Reuse => "reuse",
            Self::PasswordChanged => "password_changed",
            Self::UserDeleted => "user_deleted",
        }
    }
}

/// Ends a session of a user. Returns whether it had not ended.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end(
    client: &impl GenericClient,
    user: UserId,
    id: SessionId,
    reason: EndReason,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE sessions SET ended_at = now(), end_reason = $3
             WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
        )
        .await?;
    let ended = client
        .execute(
            &statement,
            &[&id.as_uuid(), &user.as_uuid(), &reason.as_str()],
        )
        .await?;
    Ok(ended == 1)
}

/// Ends all sessions of a user but `except`, and those of the dashboard. Returns those of the account that had not ended.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end_all(
    client: &impl GenericClient,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
) -> Result<Vec<SessionId>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE sessions SET ended_at = now(), end_reason = $3
             WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND ended_at IS NULL
             RETURNING id",
        )
        .await?;
    let except = except.map(SessionId::as_uuid);
    let rows = client
        .query(&statement, &[&user.as_uuid(), &except, &reason.as_str()])
        .await?;
    dashboard_sessions::end_of_user(client, user, DashboardEndReason::Account(reason)).await?;
    Ok(ids(&rows))
}

/// Returns the sessions that have ended within the last `age`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn ended_recently(
    client: &impl GenericClient,
    age: Duration,
) -> Result<Vec<SessionId>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id FROM sessions WHERE ended_at > now() - make_interval(secs => $1)",
        )
        .await?;
    let rows = client.query(&statement, &[&age.as_secs_f64()]).await?;
    Ok(ids(&rows))
}

fn ids(rows: &[tokio_postgres::Row]) -> Vec<SessionId> {
    let ids = rows.iter().map(|row| row.get::<_, Uuid>(0));
    ids.map(SessionId::from).collect()
}
