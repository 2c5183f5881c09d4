use jiff::Timestamp;
use secrecy::SecretString;
use tidings_domain::content::{
    DeviceToken, Email, EmailAddress, PhoneNumber, Push, Sms, Webhook, WebhookUrl,
};
use tidings_domain::notification::MessageId;

/// An e-mail to one address.
#[derive(Clone, Debug)]
pub struct EmailMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// The recipient; overrides `email.to`.
    pub to: EmailAddress,
    /// The content.
    pub email: Email,
}

/// A text message to one number.
#[derive(Clone, Debug)]
pub struct SmsMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// The recipient; overrides `sms.to`.
    pub to: PhoneNumber,
    /// The content.
    pub sms: Sms,
}

/// A push message to one device.
#[derive(Clone, Debug)]
pub struct PushMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// The device; overrides `push.to`.
    pub to: DeviceToken,
    /// The content.
    pub push: Push,
    /// When the push service discards the message if the device was not reachable.
    pub expires_at: Option<Timestamp>,
}

/// A webhook to one URL.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// The idempotency key, sent as `webhook-id`.
    pub id: MessageId,
    /// The receiver's URL; overrides `webhook.to`.
    pub to: WebhookUrl,
    /// When the API accepted the notification: the body's `timestamp`, the same at every attempt.
    pub accepted_at: Timestamp,
    /// The signing secrets, newest first; may be empty.
    pub secrets: Vec<SecretString>,
    /// The content.
    pub webhook: Webhook,
}
