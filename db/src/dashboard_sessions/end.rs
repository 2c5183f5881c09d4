use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;

use crate::GenericClient;
use crate::error::DbError;
use crate::user_sessions::EndReason;

/// Why a session of the dashboard ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardEndReason {
    /// Its holder has logged out.
    Logout,
    /// The same browser has logged in again.
    Replaced,
    /// The user has another role.
    RoleChanged,
    /// The sessions of the user's account end, too.
    Account(EndReason),
}

impl DashboardEndReason {
    /// The name in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Replaced => "replaced",
            Self::RoleChanged => "role_changed",
            Self::Account(reason) => reason.as_str(),
        }
    }
}

/// Ends a session. Returns whether it had not ended.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end(
    client: &impl GenericClient,
    id: SessionId,
    reason: DashboardEndReason,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE dashboard_sessions SET ended_at = now(), end_reason = $2
             WHERE id = $1 AND ended_at IS NULL",
        )
        .await?;
    let ended = client
        .execute(&statement, &[&id.as_uuid(), &reason.as_str()])
        .await?;
    Ok(ended == 1)
}

/// Ends all sessions of a user. Returns how many had not ended.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end_of_user(
    client: &impl GenericClient,
    user: UserId,
    reason: DashboardEndReason,
) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE dashboard_sessions SET ended_at = now(), end_reason = $2
             WHERE user_id = $1 AND ended_at IS NULL",
        )
        .await?;
    Ok(client
        .execute(&statement, &[&user.as_uuid(), &reason.as_str()])
        .await?)
}
