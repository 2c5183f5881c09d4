use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidings_domain::content::{Json, Mailbox, Object};
use tidings_domain::notification::{Channel, MessageId};

use crate::providers::{EmailMessage, PushMessage, SmsMessage, WebhookMessage};

/// A message as it is written to a file: the content and the recipient.
#[derive(Debug)]
pub(super) struct StoredMessage {
    channel: Channel,
    id: MessageId,
    to: String,
    content: Object,
    sent_at: Timestamp,
}

impl StoredMessage {
    pub(super) fn from_email(message: &EmailMessage, sender: &Mailbox, sent_at: Timestamp) -> Self {
        let email = &message.email;
        let content = json!({
            "from": format_mailbox(email.from.as_ref().unwrap_or(sender)),
            "replyTo": email.reply_to.as_ref().map(format_mailbox),
            "subject": email.subject,
            "text": email.text,
            "html": email.html,
            "unsubscribeUrl": email.unsubscribe_url,
        });
        let content = members(content);
        Self {
            channel: Channel::Email,
            id: message.id,
            to: message.to.as_str().to_owned(),
            content,
            sent_at,
        }
    }

    pub(super) fn from_sms(message: &SmsMessage, sent_at: Timestamp) -> Self {
        Self {
            channel: Channel::Sms,
            id: message.id,
            to: message.to.as_str().to_owned(),
            content: members(json!({"text": message.sms.text})),
            sent_at,
        }
    }

    pub(super) fn from_push(message: &PushMessage, sent_at: Timestamp) -> Self {
        let push = &message.push;
        Self {
            channel: Channel::Push,
            id: message.id,
            to: message.to.as_str().to_owned(),
            content: members(json!({"title": push.title, "body": push.body, "data": push.data})),
            sent_at,
        }
    }

    pub(super) fn from_webhook(message: &WebhookMessage, sent_at: Timestamp) -> Self {
        let webhook = &message.webhook;
        let content = json!({"event": webhook.event, "timestamp": message.accepted_at});
        let mut content = members(content);
        content.insert("data".to_owned(), webhook.data.clone());
        Self {
            channel: Channel::Webhook,
            id: message.id,
            to: message.to.as_url().as_str().to_owned(),
            content,
            sent_at,
        }
    }

    pub(super) const fn channel(&self) -> &'static str {
        self.channel.as_str()
    }

    /// The file name without extension, unique for each message and address.
    pub(super) fn name(&self) -> String {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(&self.to).into();
        format!("{}-{:08x}", self.id, u32::from_be_bytes([a, b, c, d]))
    }

    pub(super) fn to_json(&self) -> io::Result<Vec<u8>> {
        let file = json!({
            "messageId": self.id,
            "channel": self.channel(),
            "to": self.to,
            "sentAt": self.sent_at,
        });
        let mut file = members(file);
        file.extend(self.content.clone());
        let mut json = serde_json::to_vec_pretty(&file)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// The members of an object.
fn members(object: Value) -> Object {
    match object.into() {
        Json::Object(members) => members,
        _ => Object::new(),
    }
}

/// Formats a mailbox for display.
fn format_mailbox(mailbox: &Mailbox) -> String {
    let address = mailbox.address.as_str();
    match &mailbox.name {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    }
}
