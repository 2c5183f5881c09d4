//! Tells users what happens to their accounts: notifications of Tidings itself, recorded in the transaction of what happens, so
//! that neither exists without the other.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tidings_db::users::AccountEmail;
use tidings_db::{DbError, Transaction, contact_codes, notifications, users};
use tidings_domain::category::CategoryName;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_runtime::traces;
use uuid::Uuid;

use super::messages::SENDER;
use super::{AccountsState, ClientInfo};

/// What a notice says about a client that does not say it.
const UNKNOWN: &str = "unknown";

/// Of which logins users are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginNotifications {
    /// Those from a device that the user has not used in 90 days.
    NewDevice,
    /// All.
    Always,
    /// None.
    Off,
}

/// The text is not one of the three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be new-device, always or off")]
pub struct UnknownLoginNotifications;

impl FromStr for LoginNotifications {
    type Err = UnknownLoginNotifications;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "new-device" => Ok(Self::NewDevice),
            "always" => Ok(Self::Always),
            "off" => Ok(Self::Off),
            _ => Err(UnknownLoginNotifications),
        }
    }
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A login.
    Login,
    /// Another password is set.
    PasswordChanged,
    /// A session has ended, because a refresh token was used that had been replaced.
    RefreshReuse,
    /// The user has another e-mail address, or none.
    EmailChanged,
    /// An API key of the user, or by the user, is created.
    KeyCreated,
}

impl Notice {
    /// The template of the e-mail.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Login => "account-login",
            Self::PasswordChanged => "account-password-changed",
            Self::RefreshReuse => "account-session-ended",
            Self::EmailChanged => "account-email-changed",
            Self::KeyCreated => "account-key-created",
        }
    }

    /// The name in the message id.
    const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::PasswordChanged => "password",
            Self::RefreshReuse => "reuse",
            Self::EmailChanged => "email",
            Self::KeyCreated => "key",
        }
    }

    /// What users without an e-mail address read.
    const fn in_app(self) -> (&'static str, &'static str) {
        match self {
            Self::Login => (
                "New login",
                "Somebody has logged in to your account. If it was not you, set another password.",
            ),
            Self::PasswordChanged => (
                "Password changed",
                "Your account has another password. If it was not you, set a new one.",
            ),
            Self::RefreshReuse => (
                "Session ended",
                "A token of your account was used twice, so the session has ended. Log in again, and set another password if you do not know why.",
            ),
            Self::EmailChanged => (
                "E-mail address changed",
                "The e-mail address of your account has changed. If it was not you, set another password.",
            ),
            Self::KeyCreated => (
                "New API key",
                "An API key was created with your account. If it was not you, revoke it and set another password.",
            ),
        }
    }
}

/// Records the notice: an e-mail to the verified address, and otherwise an in-app notification. `cause` is what it is about,
/// such as a session; a repetition of the same cause records no second notice.
pub(super) async fn record(
    transaction: &Transaction<'_>,
    state: &AccountsState,
    user: UserId,
    cause: Uuid,
    notice: Notice,
    client: &ClientInfo,
) -> Result<(), DbError> {
    let contacts = contact_codes::list(transaction, user).await?;
    let Some(row) = users::find(transaction, user).await? else {
        return Ok(());
    };
    let by_email = contacts.email_verified && state.settings.email_is_on;
    let (title, body) = notice.in_app();
    let id = MessageId::from(Uuid::new_v5(&cause, notice.name().as_bytes()));
    let notification = if by_email {
        let payload = variables(&row.username, client);
        by_template(id, user, notice, row.locale, &payload)
    } else {
        Notification {
            channel: Channel::InApp,
            template: None,
            ..by_template(
                id,
                user,
                notice,
                None,
                &json!({"title": title, "body": body}),
            )
        }
    };
    notifications::insert_for_scheduler(transaction, &notification).await
}

/// Records the notice of another address for the address before the change, if that was verified.
pub(super) async fn record_at_old_address(
    transaction: &Transaction<'_>,
    state: &AccountsState,
    user: UserId,
    before: &AccountEmail,
    cause: Uuid,
    client: &ClientInfo,
) -> Result<(), DbError> {
    let old = before.email.as_deref().filter(|_| before.is_verified);
    let Some(old) = old.filter(|_| state.settings.email_is_on) else {
        return Ok(());
    };
    let mut payload = variables(&before.username, client);
    payload["to"] = json!(old);
    let id = MessageId::from(Uuid::new_v5(&cause, b"email-before"));
    let notification = Notification {
        // Nobody but the user has used this address, and the user does not use it any more.
        sensitive: true,
        ..by_template(
            id,
            user,
            Notice::EmailChanged,
            before.locale.clone(),
            &payload,
        )
    };
    notifications::insert_for_scheduler(transaction, &notification).await
}

/// The variables of the templates.
fn variables(username: &str, client: &ClientInfo) -> Value {
    json!({
        "username": username,
        "time": Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        // Templates refuse a variable without a value.
        "ip": client.ip.map_or_else(|| UNKNOWN.to_owned(), |ip| ip.to_string()),
        "device": client.user_agent.as_deref().unwrap_or(UNKNOWN),
    })
}

/// An e-mail of the template of a notice.
fn by_template(
    message_id: MessageId,
    user: UserId,
    notice: Notice,
    locale: Option<String>,
    payload: &Value,
) -> Notification {
    Notification {
        message_id,
        user_id: Some(user),
        channel: Channel::Email,
        accepted_at: Timestamp::now(),
        // An object of texts can be written.
        payload: to_raw_value(payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        template: Some(TemplateRef {
            name: notice.template().to_owned(),
            locale,
        }),
        sender: Some(SENDER.to_owned()),
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: Some(CategoryName::security()),
        digest_key: None,
        trace: traces::current(),
    }
}
