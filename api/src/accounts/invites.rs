use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, AuditOrigin, TargetKind};
use tidings_db::invites::{self, NewInvite};
use tidings_domain::content::EmailAddress;
use uuid::Uuid;

use super::random::random_token;
use super::{AccountError, AccountsState};

/// How long an invitation is valid.
const LIFETIME: Duration = Duration::from_hours(168);

/// An invitation that was issued.
#[derive(Debug)]
pub struct IssuedInvite {
    /// What `register` takes. It is not stored.
    pub token: SecretString,
    /// Until when it is valid.
    pub expires_at: Timestamp,
}

/// Issues an invitation to create an account. `email` is the only address that may use it.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn invite(
    state: &AccountsState,
    email: Option<EmailAddress>,
    issued_by: &str,
    origin: &AuditOrigin,
) -> Result<IssuedInvite, AccountError> {
    let token = random_token("tdi_")?;
    let digest = state.keys.stored_digest("invite", token.as_bytes());
    let new = NewInvite {
        id: Uuid::now_v7(),
        token: &digest,
        email: email.as_ref(),
        created_by: issued_by,
        lifetime: LIFETIME,
    };
    let entry = origin
        .entry(Action::InviteCreate)
        .on(TargetKind::Invite, new.id);
    let entry = match &email {
        Some(email) => entry.with("email", email.as_str()),
        None => entry,
    };
    let expires_at = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let expires_at = invites::insert(transaction, new).await?;
            audit::record(transaction, &entry).await?;
            Ok(expires_at)
        })
        .await?;
    Ok(IssuedInvite {
        token: token.into(),
        expires_at,
    })
}
