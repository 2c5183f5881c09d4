//! The content of notifications, by channel: payloads parsed into valid types.
//!
//! The API parses a payload to refuse invalid ones. The worker parses the payload again to send it. Unknown fields of a
//! payload are ignored.

mod address;
mod email;
mod fields;
mod masked_address;
mod payload_addresses;
mod problems;
mod push;
mod sms;
mod template;
mod webhook;

pub use address::{
    DeviceToken, EmailAddress, InvalidAddress, Mailbox, PhoneNumber, WebhookUrl, destination_of,
};
pub use email::Email;
pub use masked_address::masked_address;
pub use payload_addresses::PayloadAddresses;
pub(crate) use payload_addresses::recipient_text;
pub use problems::{FieldProblem, FieldProblems, MAX_PER_KIND, ProblemKind};
pub use push::Push;
pub use sms::Sms;
pub use template::{Rendered, TemplateRef, check_variables};
pub use webhook::Webhook;

pub use crate::json::{InvalidJson, Json, JsonNumber, Object};
use crate::notification::{Channel, DeliveredChannel};
use fields::Fields;

/// The content of one channel's notifications, for code that serves a single channel.
pub trait ChannelContent: Sized {
    /// The channel.
    const CHANNEL: DeliveredChannel;

    /// Parses a payload.
    ///
    /// # Errors
    ///
    /// Returns all problems, by field, such as `payload.subject`.
    fn from_payload(payload: &Object) -> Result<Self, Vec<FieldProblem>>;
}

macro_rules! channel_content {
    ($($channel:ident),+) => {
        $(impl ChannelContent for $channel {
            const CHANNEL: DeliveredChannel = DeliveredChannel::$channel;

            fn from_payload(payload: &Object) -> Result<Self, Vec<FieldProblem>> {
                let mut fields = Fields::of(payload);
                let content = Self::read(&mut fields);
                fields.finish(content)
            }
        })+
    };
}

channel_content!(Email, Sms, Push, Webhook);

/// The content of a notification.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// An e-mail.
    Email(Email),
    /// A text message.
    Sms(Sms),
    /// A push message.
    Push(Push),
    /// A webhook.
    Webhook(Webhook),
}

impl Content {
    /// Parses a payload for `channel`. Returns `None` for in-app, which accepts any object.
    ///
    /// # Errors
    ///
    /// Returns all problems, by field, such as `payload.subject`.
    pub fn read(channel: Channel, payload: &Object) -> Result<Option<Self>, Vec<FieldProblem>> {
        Ok(Some(match channel {
            Channel::InApp => return Ok(None),
            Channel::Email => Self::Email(Email::from_payload(payload)?),
            Channel::Sms => Self::Sms(Sms::from_payload(payload)?),
            Channel::Push => Self::Push(Push::from_payload(payload)?),
            Channel::Webhook => Self::Webhook(Webhook::from_payload(payload)?),
        }))
    }

    /// Whether the payload contains the recipient or, for e-mail, the sender, the address for replies or the URL to
    /// unsubscribe. Only callers that may send to anyone may set them.
    #[must_use]
    pub const fn chooses_addresses(&self) -> bool {
        match self {
            Self::Email(email) => {
                email.to.is_some()
                    || email.from.is_some()
                    || email.reply_to.is_some()
                    || email.unsubscribe_url.is_some()
            }
            Self::Sms(sms) => sms.to.is_some(),
            Self::Push(push) => push.to.is_some(),
            Self::Webhook(webhook) => webhook.to.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(
        channel: Channel,
        payload: serde_json::Value,
    ) -> Result<Option<Content>, Vec<FieldProblem>> {
        let Json::Object(payload) = payload.into() else {
            panic!("no object")
        };
        Content::read(channel, &payload)
    }

    #[test]
    fn a_blank_optional_text_is_not_given() {
        for blank in ["", "  \n", "\u{a0}"] {
            let payload = json!({
                "subject": "s", "text": "t", "html": blank, "to": blank, "from": blank,
                "replyTo": blank, "unsubscribeUrl": blank,
            });
            let Ok(Some(Content::Email(email))) = read(Channel::Email, payload) else {
                panic!("a valid e-mail")
            };
            assert_eq!(
                (email.html, email.to, email.unsubscribe_url),
                (None, None, None)
            );
            let sms = json!({"text": "t", "to": blank, "phoneNumber": "+4915112345678"});
            let Ok(Some(Content::Sms(sms))) = read(Channel::Sms, sms) else {
                panic!("a valid text message")
            };
            assert!(sms.to.is_some(), "the alias is given");
        }
    }

    #[test]
    fn a_blank_required_text_is_refused() {
        let problems = read(Channel::Email, json!({"subject": " ", "text": null}));
        let problems = problems.expect_err("nothing to send");
        let kinds: Vec<_> = problems
            .iter()
            .map(|problem| (problem.field.as_str(), problem.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("payload.subject", ProblemKind::Invalid),
                ("payload.text", ProblemKind::Missing)
            ]
        );
    }

    #[test]
    fn the_data_of_a_webhook_may_be_a_blank_string() {
        let read = read(Channel::Webhook, json!({"event": "e", "data": ""}));
        assert!(read.is_ok(), "{read:?}");
    }
}
