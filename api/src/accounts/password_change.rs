use secrecy::SecretString;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::user_sessions::{self, EndReason};
use tidings_db::{TransactionOptions, credentials, password_resets};
use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;
use tidings_passwords::Verified;
use uuid::Uuid;

use super::notices::{self, Notice};
use super::throttle::Attempt;
use super::{AccountError, AccountsState, ClientInfo, GivenPassword, NewPassword};

/// Hashes the password of a user that a service creates.
///
/// # Errors
///
/// Returns [`AccountError::Busy`] if too many passwords are being hashed.
pub async fn hash_password(
    state: &AccountsState,
    password: NewPassword,
) -> Result<SecretString, AccountError> {
    state.hashing.turn().await?.hash(password).await
}

/// A password of a user that was right.
pub(super) struct CheckedPassword {
    pub(super) attempt: Attempt,
    /// What it was compared with. Another password may be set meanwhile.
    pub(super) hash: SecretString,
}

/// Checks the password of a user who has logged in.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCredentials`] if the password is wrong.
pub(super) async fn check_password(
    state: &AccountsState,
    user: UserId,
    current: GivenPassword,
    client: &ClientInfo,
) -> Result<CheckedPassword, AccountError> {
    let found = state
        .database
        .run(async |client| credentials::find_by_id(client, user).await)
        .await?;
    let attempt = Attempt::at_user(state, user, client);
    attempt.take(state).await?;
    let turn = state.hashing.turn().await?;
    attempt.check(state).await?;
    let hash = found.and_then(|row| row.password_hash);
    let verified = turn.verify(current, hash.clone()).await?;
    let (Some(hash), Verified::Right { .. }) = (hash, verified) else {
        attempt.failed(state, client).await?;
        return Err(AccountError::InvalidCredentials);
    };
    Ok(CheckedPassword { attempt, hash })
}

/// Sets another password of a user who knows the current one, and ends the other sessions.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCredentials`] if the current password is wrong.
pub async fn change_password(
    state: &AccountsState,
    user: UserId,
    session: SessionId,
    current: GivenPassword,
    new: NewPassword,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let checked = check_password(state, user, current, client).await?;
    let hash = state.hashing.turn().await?.hash(new).await?;
    let (origin, cause) = (client.acting_as(user), Uuid::now_v7());
    let entry = origin
        .entry(Action::AuthPassword)
        .on(TargetKind::User, user);
    let ended = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            if !credentials::lock_verified(transaction, user, &checked.hash).await? {
                return Ok(Err(AccountError::InvalidCredentials));
            }
            checked.attempt.succeeded(transaction).await?;
            credentials::set_password_hash(transaction, user, &hash).await?;
            password_resets::invalidate(transaction, user).await?;
            audit::record(transaction, &entry).await?;
            let notice = Notice::PasswordChanged;
            notices::record(transaction, state, user, cause, notice, client).await?;
            let reason = EndReason::PasswordChanged;
            user_sessions::end_all(transaction, user, Some(session), reason)
                .await
                .map(Ok)
        })
        .await?;
    state.ended.add(ended?);
    tracing::info!(user_id = %user, request_id = client.request_id, "password changed");
    Ok(())
}
