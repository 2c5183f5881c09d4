use secrecy::{ExposeSecret, SecretString};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::users::{self, PutResult, UserProfile};
use tidings_db::{TransactionOptions, contact_codes, credentials, invites};
use tidings_domain::content::EmailAddress;
use tidings_domain::user::Username;

use super::session_start::{SessionSeed, begin, mint};
use super::throttle::take_registration;
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
    let invite = match (&request.invite_token, state.settings.registration) {
        (_, Registration::Off) | (None, Registration::Invite) => {
            return Err(AccountError::RegistrationClosed);
        }
        (Some(token), _) => Some(
            state
                .keys
                .stored_digest("invite", token.expose_secret().as_bytes()),
        ),
        (None, Registration::Open) => None,
    };
    take_registration(state, client).await?;
    let hash = state.hashing.turn().await?.hash(request.password).await?;
    let email = request.email.clone();
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
            let invite = match &invite {
                None => None,
                Some(token) => match invites::use_once(transaction, token, &email).await? {
                    None => return Ok(Err(AccountError::InvalidInvite)),
                    used => used,
                },
            };
            // Only the holder of an invitation to this address has shown to read its messages.
            if invite.is_none_or(|invite| !invite.is_personal) {
                contact_codes::contacts_of_user(transaction).await?;
            }
            let row = match users::create(transaction, &profile).await? {
                PutResult::Created(row) | PutResult::Updated(row) | PutResult::Unchanged(row) => {
                    row
                }
                PutResult::Erased | PutResult::HasRole => {
                    return Ok(Err(AccountError::Internal("a new id is that of a user")));
                }
                PutResult::Taken(fields) => return Ok(Err(AccountError::Taken(fields))),
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
    let (row, (session, role)) = registered?;
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
