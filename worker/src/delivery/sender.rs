use std::time::Duration;

use tidings_domain::notification::DeliveredChannel;
use uuid::Uuid;

use crate::providers::{EmailMessage, Provider, PushMessage, Report, TextMessage, WebhookMessage};

/// How much longer than its own limit a provider may take before it is given up.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// One send: a message for one address of the user's.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Which of the user's contacts; `None` where the payload names the address, or it is the user's
    /// own.
    pub contact: Option<Uuid>,
    /// What is sent.
    pub message: Message,
}

/// A message of any channel.
#[derive(Clone, Debug)]
pub enum Message {
    /// By e-mail.
    Email(EmailMessage),
    /// By text message.
    Sms(TextMessage),
    /// By push message.
    Push(PushMessage),
    /// By webhook.
    Webhook(WebhookMessage),
}

/// The provider of one channel.
pub enum Sender {
    /// Of e-mail.
    Email(Box<dyn Provider<EmailMessage>>),
    /// Of text messages.
    Sms(Box<dyn Provider<TextMessage>>),
    /// Of push messages.
    Push(Box<dyn Provider<PushMessage>>),
    /// Of webhooks.
    Webhook(Box<dyn Provider<WebhookMessage>>),
}

impl Sender {
    /// What the provider is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Email(provider) => provider.name(),
            Self::Sms(provider) => provider.name(),
            Self::Push(provider) => provider.name(),
            Self::Webhook(provider) => provider.name(),
        }
    }

    /// Which channel it serves.
    #[must_use]
    pub const fn channel(&self) -> DeliveredChannel {
        match self {
            Self::Email(_) => DeliveredChannel::Email,
            Self::Sms(_) => DeliveredChannel::Sms,
            Self::Push(_) => DeliveredChannel::Push,
            Self::Webhook(_) => DeliveredChannel::Webhook,
        }
    }

    /// Sends, giving up a little after `timeout`, which the provider should keep by itself.
    pub async fn send(&self, message: &Message, timeout: Duration) -> Report {
        let sending = match (self, message) {
            (Self::Email(provider), Message::Email(message)) => provider.send(message),
            (Self::Sms(provider), Message::Sms(message)) => provider.send(message),
            (Self::Push(provider), Message::Push(message)) => provider.send(message),
            (Self::Webhook(provider), Message::Webhook(message)) => provider.send(message),
            _ => {
                return Report::Rejected {
                    error: "the message is of another channel than its queue".to_owned(),
                };
            }
        };
        tokio::time::timeout(timeout + GRACE, sending)
            .await
            .unwrap_or_else(|_| Report::Unknown {
                error: "no answer in time".to_owned(),
            })
    }
}
