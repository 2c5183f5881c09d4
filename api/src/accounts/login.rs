use tidings_db::audit::{self, Action, TargetKind};
pub use tidings_db::credentials::LoginName;
use tidings_db::{TransactionOptions, credentials};

use super::hashing::Verified;
use super::session_start::{SessionSeed, begin, mint};
use super::throttle::Attempt;
use super::{AccountError, AccountsState, ClientInfo, GivenPassword, LoggedIn};

/// A login.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    /// By what the user logs in.
    pub name: LoginName,
    /// The password.
    pub password: GivenPassword,
}

/// Begins a session of the user with this name and password.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCredentials`] if the user or the password is wrong, and
/// [`AccountError::TooManyAttempts`] after too many failures, whether or not the user exists.
pub async fn login(
    state: &AccountsState,
    request: LoginRequest,
    client: &ClientInfo,
) -> Result<LoggedIn, AccountError> {
    let LoginRequest { name, password } = request;
    let found = state
        .database
        .run(async |client| credentials::find(client, &name).await)
        .await?;
    let hash = found.as_ref().and_then(|row| row.password_hash.clone());
    let attempt = Attempt::at(state, &name, found.as_ref(), client);
    attempt.take(state).await?;
    let turn = state.hashing.turn().await?;
    attempt.check(state).await?;
    let verified = turn.verify(password, hash.clone()).await?;
    let (Some(found), Some(old), Verified::Right { rehash }) = (found, hash, verified) else {
        attempt.failed(state, client).await?;
        return Err(AccountError::InvalidCredentials);
    };
    let seed = SessionSeed::generate()?;
    let (user, origin) = (found.user, client.acting_as(found.user));
    let (session, role) = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            if let Some(new) = &rehash {
                credentials::rehash(transaction, user, &old, new).await?;
            }
            attempt.succeeded(transaction).await?;
            let begun = begin(transaction, state, user, client, &seed).await?;
            let entry = origin
                .entry(Action::AuthLogin)
                .on(TargetKind::Session, begun.0.id);
            audit::record(transaction, &entry).await?;
            Ok(begun)
        })
        .await?;
    Ok(LoggedIn {
        user: found.into(),
        tokens: mint(state, &session, role)?,
    })
}
