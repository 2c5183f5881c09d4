use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::user_sessions::{self, EndReason, UserSession};
use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;

use super::{AccountError, AccountsState, ClientInfo};

/// Returns the sessions of a user that have not ended, the newest first.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn list_sessions(
    state: &AccountsState,
    user: UserId,
) -> Result<Vec<UserSession>, AccountError> {
    let idle = state.settings.refresh_idle;
    Ok(state
        .database
        .run(async |client| user_sessions::list(client, user, idle).await)
        .await?)
}

/// Ends a session of a user.
///
/// # Errors
///
/// Returns [`AccountError::NotFound`] if the user has no such session, or if it has ended.
pub async fn end_session(
    state: &AccountsState,
    user: UserId,
    session: SessionId,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let origin = client.acting_as(user);
    let entry = origin
        .entry(Action::AuthLogout)
        .on(TargetKind::Session, session);
    let ended = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let ended = user_sessions::end(transaction, user, session, EndReason::Revoked).await?;
            if ended {
                audit::record(transaction, &entry).await?;
            }
            Ok(ended)
        })
        .await?;
    if !ended {
        return Err(AccountError::NotFound);
    }
    state.ended.add([session]);
    Ok(())
}
