use std::time::Duration;

use secrecy::SecretString;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::credentials::Credentials;
pub use tidings_db::credentials::LoginName;
use tidings_db::{
    DbError, Transaction, TransactionOptions, credentials, user_deletions, user_sessions,
};
use tidings_domain::notification::UserId;
use tidings_passwords::Verified;

use super::device;
use super::notices::{self, LoginNotifications, Notice};
use super::session_start::{SessionSeed, begin, mint};
use super::throttle::Attempt;
use super::{AccountError, AccountsState, ClientInfo, GivenPassword, LoggedIn};

/// For how long a device is known after a login.
const DEVICE_MEMORY: Duration = Duration::from_hours(2160);

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
/// [`AccountError::TooManyAttempts`] after too many failures, whether or not the user exists. Returns
/// [`AccountError::Deleting`] if the account is to be deleted.
pub async fn login(
    state: &AccountsState,
    request: LoginRequest,
    client: &ClientInfo,
) -> Result<LoggedIn, AccountError> {
    let checked = check(state, request, client).await?;
    let seed = SessionSeed::generate()?;
    let (user, origin) = (checked.user(), client.acting_as(checked.user()));
    let begun = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            if let Err(refusal) = checked.admit(transaction).await? {
                return Ok(Err(refusal));
            }
            let is_told = is_told(transaction, state, user, client).await?;
            let begun = begin(transaction, state, user, client, &seed).await?;
            if is_told {
                let cause = begun.0.id.as_uuid();
                notices::record(transaction, state, user, cause, Notice::Login, client).await?;
            }
            let entry = origin
                .entry(Action::AuthLogin)
                .on(TargetKind::Session, begun.0.id);
            audit::record(transaction, &entry).await?;
            Ok(Ok(begun))
        })
        .await?;
    let (session, role) = begun?;
    Ok(LoggedIn {
        user: checked.found.into(),
        tokens: mint(state, &session, role)?,
    })
}

/// A login whose password was right.
pub(super) struct CheckedLogin {
    found: Credentials,
    /// What the password was compared with. Another one may be set meanwhile.
    hash: SecretString,
    rehash: Option<SecretString>,
    attempt: Attempt,
}

impl CheckedLogin {
    /// The user.
    pub(super) const fn user(&self) -> UserId {
        self.found.user
    }

    /// Decides, in the transaction of the login, whether the user may log in, and locks the user's row until its end.
    pub(super) async fn admit(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Result<(), AccountError>, DbError> {
        let user = self.user();
        // Another password may have been set since this one was verified, which ends the sessions that exist by then.
        if !credentials::lock_verified(transaction, user, &self.hash).await? {
            return Ok(Err(AccountError::InvalidCredentials));
        }
        // Only to those who know the password.
        if let Some(deletion) = user_deletions::waiting(transaction, user).await? {
            let due_at = deletion.due_at;
            return Ok(Err(AccountError::Deleting { due_at }));
        }
        if let Some(new) = &self.rehash {
            credentials::rehash(transaction, user, &self.hash, new).await?;
        }
        self.attempt.succeeded(transaction).await?;
        Ok(Ok(()))
    }
}

/// Checks the password of a login.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCredentials`] if the user or the password is wrong, and
/// [`AccountError::TooManyAttempts`] after too many failures.
pub(super) async fn check(
    state: &AccountsState,
    request: LoginRequest,
    client: &ClientInfo,
) -> Result<CheckedLogin, AccountError> {
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
    let (Some(found), Some(hash), Verified::Right { rehash }) = (found, hash, verified) else {
        attempt.failed(state, client).await?;
        return Err(AccountError::InvalidCredentials);
    };
    Ok(CheckedLogin {
        found,
        hash,
        rehash,
        attempt,
    })
}

/// Whether the user is told of a login from this client.
pub(super) async fn is_told(
    transaction: &Transaction<'_>,
    state: &AccountsState,
    user: UserId,
    client: &ClientInfo,
) -> Result<bool, DbError> {
    Ok(match state.settings.login_notifications {
        LoginNotifications::Off => false,
        LoginNotifications::Always => true,
        LoginNotifications::NewDevice => {
            let earlier =
                user_sessions::login_clients_since(transaction, user, DEVICE_MEMORY).await?;
            device::is_new(&earlier, client.ip, client.user_agent.as_deref())
        }
    })
}
