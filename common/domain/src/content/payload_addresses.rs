//! The check of a payload before its notification is accepted.

use serde_json::value::RawValue;

use super::fields::Fields;
use super::{Content, FieldProblem, Json, Object, ProblemKind, WebhookUrl, check_variables, sms};
use crate::notification::Channel;

/// The addresses in a payload that is valid for its channel.
#[derive(Debug, Default)]
pub struct PayloadAddresses {
    /// Whether the payload chooses a recipient or, for e-mail, a sender, a reply address or a URL to unsubscribe.
    pub chosen_by_client: bool,
    /// Whether the payload names the recipient, so that the notification needs no target user.
    pub names_recipient: bool,
    /// Whether the payload has a URL to unsubscribe.
    pub has_unsubscribe_url: bool,
    /// The URL in a webhook's payload.
    pub webhook_url: Option<WebhookUrl>,
}

impl PayloadAddresses {
    /// Validates a payload for its channel, or as the variables of a template. The payload of an in-app
    /// notification may be any object, and is not parsed.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the payload.
    pub fn read(
        channel: Channel,
        payload: &RawValue,
        is_templated: bool,
    ) -> Result<Self, Vec<FieldProblem>> {
        if channel.delivered().is_none() {
            return Ok(Self::default());
        }
        let payload = Json::object(payload.get()).map_err(|error| {
            vec![FieldProblem {
                field: "payload".to_owned(),
                message: format!("cannot be read: {error}"),
                kind: ProblemKind::Invalid,
            }]
        })?;
        if is_templated {
            return Ok(Self {
                chosen_by_client: check_variables(channel, &payload)?,
                names_recipient: names_recipient(channel, &payload),
                has_unsubscribe_url: has_unsubscribe_url(channel, &payload),
                webhook_url: None,
            });
        }
        let content = Content::read(channel, &payload)?;
        Ok(Self {
            chosen_by_client: content.as_ref().is_some_and(Content::chooses_addresses),
            names_recipient: names_recipient(channel, &payload),
            has_unsubscribe_url: has_unsubscribe_url(channel, &payload),
            webhook_url: match content {
                Some(Content::Webhook(webhook)) => webhook.to,
                _ => None,
            },
        })
    }

    /// Whether a payload names the recipient, even if [`Self::read`] refuses the payload.
    #[must_use]
    pub fn name_recipient(channel: Channel, payload: &RawValue) -> bool {
        Json::object(payload.get()).is_ok_and(|payload| names_recipient(channel, &payload))
    }
}

/// Whether an e-mail's field for the URL to unsubscribe is present.
fn has_unsubscribe_url(channel: Channel, payload: &Object) -> bool {
    channel == Channel::Email && Fields::of(payload).has(&["unsubscribeUrl"])
}

/// Whether the field for the recipient is present.
fn names_recipient(channel: Channel, payload: &Object) -> bool {
    Fields::of(payload).has(recipient_fields(channel))
}

/// The field for the recipient, as the client wrote it.
pub(crate) fn recipient_text(channel: Channel, payload: &Object) -> Option<&str> {
    Fields::of(payload).text(recipient_fields(channel))
}

/// The names of the field for the recipient: the first one that is present counts.
fn recipient_fields(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::InApp => &[],
        Channel::Sms => &sms::TO,
        Channel::Email | Channel::Push | Channel::Webhook => &["to"],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_field_for_the_recipient_names_the_recipient() {
        let email = json!({"subject": "s", "text": "t", "from": "a@example.com", "replyTo": "a@example.com"});
        let sms = json!({"text": "t"});
        let push = json!({"title": "t", "body": "b"});
        let webhook = json!({"event": "e", "data": 1});
        for (channel, payload, field, value) in [
            (Channel::Email, &email, "to", "anna@example.com"),
            (Channel::Sms, &sms, "to", "+4915112345678"),
            (Channel::Sms, &sms, "phoneNumber", "+4915112345678"),
            (Channel::Push, &push, "to", "a-device"),
            (Channel::Webhook, &webhook, "to", "https://example.com/x"),
        ] {
            for (value, expected) in [
                (json!(value), true),
                (json!(" "), false),
                (json!(null), false),
            ] {
                let mut payload = payload.clone();
                payload[field] = value;
                let payload = RawValue::from_string(payload.to_string()).expect("JSON");
                for is_templated in [false, true] {
                    let read = PayloadAddresses::read(channel, &payload, is_templated);
                    let named = read.map(|addresses| addresses.names_recipient);
                    assert_eq!(named, Ok(expected), "{payload}");
                }
                let named = PayloadAddresses::name_recipient(channel, &payload);
                assert_eq!(named, expected, "{payload}");
            }
        }
        let payload = RawValue::from_string(r#"{"to": "anna@example.com"}"#.to_owned());
        let payload = payload.expect("JSON");
        let read = PayloadAddresses::read(Channel::InApp, &payload, false);
        assert_eq!(read.map(|addresses| addresses.names_recipient), Ok(false));
    }

    #[test]
    fn an_endpoint_of_a_user_is_no_recipient() {
        let payload =
            r#"{"event": "e", "data": 1, "endpointId": "01a1fe98-0d7a-74bd-bf92-cd0e5bf765d8"}"#;
        let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
        let read = PayloadAddresses::read(Channel::Webhook, &payload, false);
        assert_eq!(read.map(|addresses| addresses.names_recipient), Ok(false));
    }
}
