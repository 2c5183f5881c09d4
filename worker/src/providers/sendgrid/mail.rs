use std::collections::BTreeMap;

use serde::Serialize;
use tidings_domain::content::{EmailAddress, Mailbox};
use tidings_domain::notification::MessageId;
use url::Host;

use super::super::EmailMessage;

/// The body of a Mail Send request.
///
/// Tracking is not mentioned: whether links are rewritten and openings counted is the account's own
/// setting.
#[derive(Serialize)]
pub(super) struct Mail<'a> {
    personalizations: [Personalization<'a>; 1],
    from: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Address<'a>>,
    subject: &'a str,
    content: Vec<Part<'a>>,
    headers: BTreeMap<&'static str, String>,
    custom_args: CustomArgs,
}

#[derive(Serialize)]
struct Personalization<'a> {
    to: [Address<'a>; 1],
}

#[derive(Serialize)]
struct Address<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "type")]
    mime: &'static str,
    value: &'a str,
}

/// What the event webhook repeats with every event of the e-mail.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomArgs {
    message_id: MessageId,
}

impl<'a> Mail<'a> {
    pub(super) fn of(message: &'a EmailMessage, sender: &'a Mailbox) -> Self {
        let email = &message.email;
        let from = email.from.as_ref().unwrap_or(sender);
        let text = Part {
            mime: "text/plain",
            value: &email.text,
        };
        // The plain text comes first, or the request is refused; and so is a part with nothing in it.
        let html = email.html.as_deref().filter(|html| !html.is_empty());
        let html = html.map(|value| Part {
            mime: "text/html",
            value,
        });
        Self {
            personalizations: [Personalization {
                to: [Address::bare(&message.to)],
            }],
            from: Address::of(from),
            reply_to: email.reply_to.as_ref().map(Address::of),
            subject: &email.subject,
            content: std::iter::once(text).chain(html).collect(),
            headers: headers(message, from),
            custom_args: CustomArgs {
                message_id: message.id,
            },
        }
    }
}

impl<'a> Address<'a> {
    fn bare(address: &'a EmailAddress) -> Self {
        Self {
            email: address.as_str(),
            name: None,
        }
    }

    fn of(mailbox: &'a Mailbox) -> Self {
        Self {
            name: mailbox.name.as_deref(),
            ..Self::bare(&mailbox.address)
        }
    }
}

/// `Message-ID` is not among the headers that SendGrid keeps to itself (`x-sg-id`, `x-sg-eid`, `received`,
/// `dkim-signature`, `Content-Type`, `Content-Transfer-Encoding`, `To`, `From`, `Subject`, `Reply-To`, `CC`,
/// `BCC`).
fn headers(message: &EmailMessage, from: &Mailbox) -> BTreeMap<&'static str, String> {
    let mut headers = BTreeMap::new();
    // A header is ASCII, and a domain need not be.
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
