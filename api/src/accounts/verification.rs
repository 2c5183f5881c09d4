use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::contact_codes::{self, ContactId, NewContactCode};
use tidings_db::{TransactionOptions, users};
use tidings_domain::notification::{Channel, UserId};

use super::messages::{self, SecretMessage, VERIFY_CONTACT};
use super::random::random_code;
use super::{AccountError, AccountsState, ClientInfo};

/// How long a code is valid.
const LIFETIME: Duration = Duration::from_mins(10);

/// How often a code may be tried.
const MAX_TRIES: i32 = 5;

/// How many codes an address is sent in a day.
const CODES_PER_DAY: i64 = 3;

/// Sends a code to a contact of a user, which [`verify_contact`] takes. A contact that is verified gets none.
///
/// # Errors
///
/// Returns [`AccountError::ChannelOff`] if no provider is configured, [`AccountError::NotFound`] if the user has no such contact, and [`AccountError::TooManyAttempts`] if it was sent
/// too many codes.
pub async fn send_code(
    state: &AccountsState,
    user: UserId,
    contact: ContactId,
) -> Result<(), AccountError> {
    let is_on = match contact {
        ContactId::Email => state.settings.email_is_on,
        ContactId::PhoneNumber(_) => state.settings.sms_is_on,
    };
    if !is_on {
        return Err(AccountError::ChannelOff);
    }
    let code = random_code()?;
    let expires_at = Timestamp::now() + LIFETIME;
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let found = contact_codes::find_contact(transaction, user, contact).await?;
            let Some(found) = found else {
                return Ok(Err(AccountError::NotFound));
            };
            if found.is_verified {
                return Ok(Ok(()));
            }
            let address = address_digest(state, &found.address);
            let digest = code_digest(state, user, &address, &code);
            let new = NewContactCode {
                user,
                contact,
                address: &address,
                code: &digest,
                lifetime: LIFETIME,
                limit: CODES_PER_DAY,
            };
            if !contact_codes::insert(transaction, new).await? {
                let retry_after = Duration::from_hours(24);
                return Ok(Err(AccountError::TooManyAttempts { retry_after }));
            }
            let locale = users::find(transaction, user)
                .await?
                .and_then(|row| row.locale);
            let message = SecretMessage {
                template: VERIFY_CONTACT,
                channel: match contact {
                    ContactId::Email => Channel::Email,
                    ContactId::PhoneNumber(_) => Channel::Sms,
                },
                to: &found.address,
                locale: locale.as_deref(),
                variables: json!({"code": code}),
                expires_at,
            };
            messages::record(transaction, message).await?;
            Ok(Ok(()))
        })
        .await?
}

/// Verifies a contact of a user by the code that was sent to it.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCode`] if the code is wrong, expired or used, or was tried too often.
pub async fn verify_contact(
    state: &AccountsState,
    user: UserId,
    contact: ContactId,
    code: &SecretString,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let origin = client.acting_as(user);
    let entry = origin
        .entry(Action::ContactVerify)
        .on(TargetKind::User, user)
        .with("contact", contact.to_string());
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let found = contact_codes::find_contact(transaction, user, contact).await?;
            let Some(found) = found else {
                return Ok(Err(AccountError::NotFound));
            };
            let address = address_digest(state, &found.address);
            let expected =
                contact_codes::try_newest(transaction, user, contact, &address, MAX_TRIES).await?;
            let digest = code_digest(state, user, &address, code.expose_secret());
            let right =
                expected.filter(|(_, expected)| bool::from(expected.as_slice().ct_eq(&digest)));
            let Some((id, _)) = right else {
                return Ok(Err(AccountError::InvalidCode));
            };
            contact_codes::set_used(transaction, id).await?;
            if contact_codes::set_verified(transaction, user, contact).await? {
                audit::record(transaction, &entry).await?;
            }
            Ok(Ok(()))
        })
        .await?
}

fn address_digest(state: &AccountsState, address: &str) -> [u8; 32] {
    state
        .keys
        .stored_digest("contact address", address.as_bytes())
}

/// Six digits are few: the digest is worth nothing without the key.
fn code_digest(state: &AccountsState, user: UserId, address: &[u8], code: &str) -> [u8; 32] {
    let parts = [user.as_uuid().as_bytes(), address, code.as_bytes()].concat();
    state.keys.stored_digest("contact code", &parts)
}
