use secrecy::SecretString;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::users::{self, PutResult, UserProfile};
use tidings_db::{TransactionOptions, credentials};
use tidings_domain::content::EmailAddress;
use tidings_domain::user::Username;

use super::session_start::{SessionSeed, begin, mint};
use super::{
    AccountError, AccountUser, AccountsState, ClientInfo, LoggedIn, NewPassword, Registration,
};

/// A registration.
#[derive(Clone, Debug)]
pub struct RegisterRequest {
    /// The address, which no other user has.
    pub email: EmailAddress,
    /// The name, which no other user has.
    pub username: Username,
    /// The password.
    pub password: NewPassword,
    /// An invitation.
    pub invite_token: Option<SecretString>,
}

/// Creates a user with a password, and begins its first session.
///
/// # Errors
///
/// Returns [`AccountError::RegistrationClosed`] if the settings do not allow it, and [`AccountError::Taken`] if another user
/// has the name or the address.
pub async fn register(
    state: &AccountsState,
    request: RegisterRequest,
    client: &ClientInfo,
) -> Result<LoggedIn, AccountError> {
    if state.settings.registration != Registration::Open {
        return Err(AccountError::RegistrationClosed);
    }
    let hash = state.hashing.turn().await?.hash(request.password).await?;
    let profile = UserProfile {
        username: request.username,
        email: Some(request.email),
        locale: None,
        timezone: None,
        phone_numbers: None,
    };
    let seed = SessionSeed::generate()?;
    let registered = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let row = match users::create(transaction, &profile).await? {
                PutResult::Created(row) | PutResult::Updated(row) | PutResult::Unchanged(row) => {
                    row
                }
                PutResult::Taken(fields) => return Ok(Err(fields)),
            };
            credentials::set_password_hash(transaction, row.id, &hash).await?;
            let begun = begin(transaction, state, row.id, client, &seed).await?;
            let origin = client.acting_as(row.id);
            let entry = origin
                .entry(Action::AuthRegister)
                .on(TargetKind::User, row.id);
            audit::record(transaction, &entry).await?;
            Ok(Ok((row, begun)))
        })
        .await?;
    let (row, (session, role)) = registered.map_err(AccountError::Taken)?;
    tracing::info!(user_id = %row.id, request_id = client.request_id, "user registered");
    Ok(LoggedIn {
        user: AccountUser {
            id: row.id,
            email: row.email,
            username: row.username,
        },
        tokens: mint(state, &session, role)?,
    })
}
