use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::user_sessions::{self, EndReason};
use tidings_domain::notification::UserId;

use super::refresh::find;
use super::{AccountError, AccountsState, ClientInfo, RefreshToken};

/// Ends the session of a refresh token. A session that has ended already is no error.
///
/// # Errors
///
/// Returns [`AccountError::InvalidRefreshToken`] if the token was never issued.
pub async fn logout(
    state: &AccountsState,
    token: RefreshToken,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let session = find(state, &token).await?;
    let origin = client.acting_as(session.user);
    let entry = origin
        .entry(Action::AuthLogout)
        .on(TargetKind::Session, session.id);
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let reason = EndReason::Logout;
            if user_sessions::end(transaction, session.user, session.id, reason).await? {
                audit::record(transaction, &entry).await?;
            }
            Ok(())
        })
        .await?;
    state.ended.add([session.id]);
    Ok(())
}

/// Ends all sessions of a user. Returns how many.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn logout_all(
    state: &AccountsState,
    user: UserId,
    client: &ClientInfo,
) -> Result<usize, AccountError> {
    let origin = client.acting_as(user);
    let ended = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let reason = EndReason::LogoutAll;
            let ended = user_sessions::end_all(transaction, user, None, reason).await?;
            let entry = origin
                .entry(Action::AuthLogoutAll)
                .on(TargetKind::User, user)
                .with("sessions", ended.len());
            audit::record(transaction, &entry).await?;
            Ok(ended)
        })
        .await?;
    let count = ended.len();
    state.ended.add(ended);
    Ok(count)
}
