use jiff::Timestamp;
use secrecy::SecretString;
use tidings_domain::content::{
    DeviceToken, Email, EmailAddress, PhoneNumber, Push, Sms, Webhook, WebhookUrl,
};
use tidings_domain::notification::MessageId;

/// An e-mail on its way.
#[derive(Clone, Debug)]
pub struct EmailMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// Where it goes, whatever `email.to` says.
    pub to: EmailAddress,
    /// What it says.
    pub email: Email,
}

/// A text message on its way.
#[derive(Clone, Debug)]
pub struct TextMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// Where it goes, whatever `sms.to` says.
    pub to: PhoneNumber,
    /// What it says.
    pub sms: Sms,
}

/// A push message on its way to one device.
#[derive(Clone, Debug)]
pub struct PushMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// Which device, whatever `push.to` says.
    pub to: DeviceToken,
    /// What it says.
    pub push: Push,
}

/// A webhook on its way to one endpoint.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// The idempotency key, sent as `webhook-id`.
    pub id: MessageId,
    /// Where it goes, whatever `webhook.to` says.
    pub to: WebhookUrl,
    /// When the API took the notification: the body's `timestamp`, the same at every attempt.
    pub accepted_at: Timestamp,
    /// The secrets that sign it, the newest first; none where nobody set one.
    pub secrets: Vec<SecretString>,
    /// What it says.
    pub webhook: Webhook,
}
