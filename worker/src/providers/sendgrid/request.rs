use std::collections::BTreeMap;

use serde::Serialize;
use tidings_domain::content::{EmailAddress, Mailbox};
use tidings_domain::notification::MessageId;
use url::Host;

use super::super::EmailMessage;

/// The body of a Mail Send request.
///
/// Contains no tracking settings, so that the account's settings apply to links and opens.
#[derive(Serialize)]
pub(super) struct MailSendRequest<'a> {
    personalizations: [Personalization<'a>; 1],
    from: SendgridAddress<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<SendgridAddress<'a>>,
    subject: &'a str,
    content: Vec<SendgridContent<'a>>,
    headers: BTreeMap<&'static str, String>,
    custom_args: CustomArgs,
}

#[derive(Serialize)]
struct Personalization<'a> {
    to: [SendgridAddress<'a>; 1],
}

#[derive(Serialize)]
struct SendgridAddress<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct SendgridContent<'a> {
    #[serde(rename = "type")]
    mime: &'static str,
    value: &'a str,
}

/// Repeated by the event webhook with every event of the e-mail.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomArgs {
    message_id: MessageId,
}

impl<'a> MailSendRequest<'a> {
    pub(super) fn new(message: &'a EmailMessage, sender: &'a Mailbox) -> Self {
        let email = &message.email;
        let from = email.from.as_ref().unwrap_or(sender);
        let text = SendgridContent {
            mime: "text/plain",
            value: &email.text,
        };
        // SendGrid refuses the request if plain text is not first, or if a part is empty.
        let html = email.html.as_deref().filter(|html| !html.is_empty());
        let html = html.map(|value| SendgridContent {
            mime: "text/html",
            value,
        });
        Self {
            personalizations: [Personalization {
                to: [SendgridAddress::from_email(&message.to)],
            }],
            from: SendgridAddress::from_mailbox(from),
            reply_to: email.reply_to.as_ref().map(SendgridAddress::from_mailbox),
            subject: &email.subject,
            content: std::iter::once(text).chain(html).collect(),
            headers: headers(message, from),
            custom_args: CustomArgs {
                message_id: message.id,
            },
        }
    }
}

impl<'a> SendgridAddress<'a> {
    fn from_email(address: &'a EmailAddress) -> Self {
        Self {
            email: address.as_str(),
            name: None,
        }
    }

    fn from_mailbox(mailbox: &'a Mailbox) -> Self {
        Self {
            name: mailbox.name.as_deref(),
            ..Self::from_email(&mailbox.address)
        }
    }
}

/// `Message-ID` may be set: it is not one of the headers that SendGrid reserves (`x-sg-id`, `x-sg-eid`,
/// `received`, `dkim-signature`, `Content-Type`, `Content-Transfer-Encoding`, `To`, `From`, `Subject`,
/// `Reply-To`, `CC`, `BCC`).
fn headers(message: &EmailMessage, from: &Mailbox) -> BTreeMap<&'static str, String> {
    let mut headers = BTreeMap::new();
    // Converts a domain to ASCII, which a header requires.
    if let Ok(domain) = Host::parse(from.address.domain()) {
        headers.insert("Message-ID", format!("<{}@{domain}>", message.id));
    }
    if let Some(url) = &message.email.unsubscribe_url {
        headers.insert("List-Unsubscribe", format!("<{url}>"));
        // RFC 8058 §3.1.
        headers.insert(
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click".to_owned(),
        );
    }
    headers
}
