//! Notifications that a template renders.

use super::email::Email;
use super::fields::Fields;
use super::{Content, DeviceToken, FieldProblem, Json, Object, PhoneNumber, push, sms};
use crate::notification::Channel;

/// The template that renders a notification.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateRef {
    /// The name of the template.
    pub name: String,
    /// The requested language, such as `de-AT`; by default the default language of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// The parts that a template has rendered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rendered {
    /// An e-mail's subject or a push message's title, on one line.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// An e-mail's HTML part.
    pub html: Option<String>,
}

/// The fields of a payload that are not only variables of the template: recipient, sender, and data for an app.
const ADDRESSING: [&str; 6] = [
    "to",
    "phoneNumber",
    "from",
    "replyTo",
    "unsubscribeUrl",
    "data",
];

/// Checks the variables of a notification that a template renders: any object, but the fields for recipient and sender
/// must be valid. Returns whether the variables choose addresses, like [`Content::chooses_addresses`].
///
/// # Errors
///
/// Returns all problems, by field.
pub fn check_variables(channel: Channel, variables: &Object) -> Result<bool, Vec<FieldProblem>> {
    let mut fields = Fields::of(variables);
    match channel {
        Channel::Email => Email::check_addresses(&mut fields),
        Channel::Sms => drop(fields.parsed::<PhoneNumber>(&sms::TO)),
        Channel::Push => {
            fields.parsed::<DeviceToken>(&["to"]);
            push::data(&mut fields);
        }
        Channel::InApp | Channel::Webhook => {}
    }
    let chosen: &[&'static str] = match channel {
        Channel::Email => &["to", "from", "replyTo", "unsubscribeUrl"],
        Channel::Sms => &sms::TO,
        Channel::Push | Channel::Webhook => &["to"],
        Channel::InApp => &[],
    };
    let chooses_addresses = chosen.iter().any(|name| fields.has(&[name]));
    fields.finish(Some(chooses_addresses))
}

impl Rendered {
    /// The content of a notification with the rendered parts, and with the addresses among its variables.
    ///
    /// # Errors
    ///
    /// Returns all problems, by field.
    pub fn content(
        &self,
        channel: Channel,
        variables: &Object,
    ) -> Result<Option<Content>, Vec<FieldProblem>> {
        Content::read(channel, &self.payload(channel, variables))
    }

    /// The payload of a notification with the rendered parts, and with the addresses among its `variables`.
    #[must_use]
    pub fn payload(&self, channel: Channel, variables: &Object) -> Object {
        let mut payload: Object = variables
            .iter()
            .filter(|(name, _)| ADDRESSING.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let (subject, text) = match channel {
            Channel::Push => ("title", "body"),
            _ => ("subject", "text"),
        };
        let parts = [
            (subject, self.subject.as_ref()),
            (text, Some(&self.text)),
            ("html", self.html.as_ref()),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                payload.insert(name.to_owned(), Json::String(part.clone()));
            }
        }
        payload
    }
}
