use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::contact_codes::{self, ContactId};
use tidings_db::user_sessions::{self, EndReason};
use tidings_db::users::UserRow;
use tidings_db::{DbError, Transaction, TransactionOptions, credentials, password_resets};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::Channel;
use uuid::Uuid;

use super::messages::{self, RESET_PASSWORD, SecretMessage};
use super::notices::{self, Notice};
use super::random::random_token;
use super::throttle::take_message;
use super::user_by_email::{at_least, for_user_with};
use super::{AccountError, AccountsState, ClientInfo, NewPassword};

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_hours(1);

/// How many tokens a user is sent in a day.
const TOKENS_PER_DAY: i64 = 3;

/// Sends the user with this address a token to set a new password. The result is the same if there is none.
///
/// # Errors
///
/// Returns [`AccountError::TooManyAttempts`] if the client has caused too many messages.
pub async fn forgot(
    state: &AccountsState,
    email: EmailAddress,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    at_least(async {
        take_message(state, client).await?;
        if !state.settings.email_is_on {
            tracing::warn!("forgotten passwords cannot be reset: EMAIL_PROVIDER is not set");
            return Ok(());
        }
        let token = random_token("tdp_")?;
        let action = Action::AuthForgot;
        let sent = for_user_with(state, &email, client, action, async |transaction, user| {
            send_token(transaction, state, &user, &token).await
        });
        if let Some(user) = sent.await? {
            tracing::info!(user_id = %user, request_id = client.request_id, "a token for a new password is sent");
        }
        Ok(())
    })
    .await
}

/// Sends a user a token, unless the address is not verified or too many were sent today. Returns whether it is sent.
async fn send_token(
    transaction: &Transaction<'_>,
    state: &AccountsState,
    user: &UserRow,
    token: &str,
) -> Result<bool, DbError> {
    // An address that is not verified may be that of somebody else.
    let contact = contact_codes::find_contact(transaction, user.id, ContactId::Email).await?;
    let Some(address) = contact.filter(|contact| contact.is_verified) else {
        return Ok(false);
    };
    let digest = state.keys.stored_digest("reset", token.as_bytes());
    if !password_resets::insert(transaction, user.id, &digest, LIFETIME, TOKENS_PER_DAY).await? {
        return Ok(false);
    }
    let url = state.settings.public_url.as_deref();
    let url = url.map(|base| format!("{base}/reset-password#{token}"));
    let message = SecretMessage {
        template: RESET_PASSWORD,
        channel: Channel::Email,
        to: &address.address,
        locale: user.locale.as_deref(),
        variables: json!({"username": user.username, "token": token, "url": url}),
        expires_at: Timestamp::now() + LIFETIME,
    };
    messages::record(transaction, message).await?;
    Ok(true)
}

/// Sets a new password with a token that [`forgot`] has sent, and ends all sessions.
///
/// # Errors
///
/// Returns [`AccountError::InvalidResetToken`] if the token is unknown, expired or used.
pub async fn reset(
    state: &AccountsState,
    token: &SecretString,
    new: NewPassword,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let digest = state
        .keys
        .stored_digest("reset", token.expose_secret().as_bytes());
    let hash = state.hashing.turn().await?.hash(new).await?;
    let cause = Uuid::now_v7();
    let ended = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(user) = password_resets::use_once(transaction, &digest).await? else {
                return Ok(None);
            };
            credentials::set_password_hash(transaction, user, &hash).await?;
            let origin = client.acting_as(user);
            let entry = origin
                .entry(Action::AuthPassword)
                .on(TargetKind::User, user);
            audit::record(transaction, &entry.with("by", "reset")).await?;
            let notice = Notice::PasswordChanged;
            notices::record(transaction, state, user, cause, notice, client).await?;
            let reason = EndReason::PasswordChanged;
            Ok(Some(
                user_sessions::end_all(transaction, user, None, reason).await?,
            ))
        })
        .await?;
    let ended = ended.ok_or(AccountError::InvalidResetToken)?;
    state.ended.add(ended);
    Ok(())
}
