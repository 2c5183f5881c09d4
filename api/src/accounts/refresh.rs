use tidings_db::audit::{self, Action, Outcome, TargetKind};
use tidings_db::user_sessions::{self, EndReason, RotateResult, UserSession};
use tidings_db::{TransactionOptions, credentials};

use super::notices::{self, Notice};
use super::session_start::mint;
use super::{AccountError, AccountsState, ClientInfo, RefreshToken, TokenPair};

/// Exchanges a refresh token for the next pair. The same token gets the same pair again within `REFRESH_GRACE_SECS`. A token
/// that was replaced before ends the session: two parties have it.
///
/// # Errors
///
/// Returns [`AccountError::InvalidRefreshToken`] if the token is not valid.
pub async fn refresh(
    state: &AccountsState,
    token: RefreshToken,
    client: &ClientInfo,
) -> Result<TokenPair, AccountError> {
    let session = find(state, &token).await?;
    let (idle, grace) = (state.settings.refresh_idle, state.settings.refresh_grace);
    let (rotated, role) = state
        .database
        .run(async |client| {
            let rotated =
                user_sessions::rotate(client, token.session, token.generation, idle, grace).await?;
            Ok((rotated, credentials::role(client, session.user).await?))
        })
        .await?;
    match rotated {
        RotateResult::Rotated(session) => mint(state, &session, role),
        RotateResult::Reused(session) => {
            end_reused(state, &session, &token, client).await?;
            Err(AccountError::InvalidRefreshToken)
        }
        RotateResult::Ended => Err(AccountError::InvalidRefreshToken),
    }
}

/// Finds the session that the token was issued for.
pub(super) async fn find(
    state: &AccountsState,
    token: &RefreshToken,
) -> Result<UserSession, AccountError> {
    let session = state
        .database
        .run(async |client| user_sessions::find(client, token.session).await)
        .await?;
    session
        .filter(|session| token.belongs_to(session, &state.keys))
        .ok_or(AccountError::InvalidRefreshToken)
}

async fn end_reused(
    state: &AccountsState,
    session: &UserSession,
    token: &RefreshToken,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let origin = client.acting_as(session.user);
    let entry = origin
        .entry(Action::AuthRefreshReuse)
        .on(TargetKind::Session, session.id)
        .ended(Outcome::Refused)
        .with("generation", token.generation)
        .with("current", session.generation);
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let reason = EndReason::Reuse;
            if user_sessions::end(transaction, session.user, session.id, reason).await? {
                audit::record(transaction, &entry).await?;
                let (user, cause, notice) =
                    (session.user, session.id.as_uuid(), Notice::RefreshReuse);
                notices::record(transaction, state, user, cause, notice, client).await?;
            }
            Ok(())
        })
        .await?;
    state.ended.add([session.id]);
    tracing::warn!(
        user_id = %session.user,
        session = %session.id,
        request_id = client.request_id,
        "a refresh token was used that had been replaced: the session has ended"
    );
    Ok(())
}
