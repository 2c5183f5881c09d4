//! The content of e-mails.

use url::Url;

use super::fields::Fields;
use super::{EmailAddress, Mailbox};

/// The longest subject, in characters. An encoded header line may have 998 (RFC 5322 §2.1.1).
const MAX_SUBJECT: usize = 250;

/// An e-mail: `{to?, subject, text, html?, from?, replyTo?, unsubscribeUrl?}`. `body` is an alias of `text`, and
/// `htmlContent` of `html`.
#[derive(Clone, Debug, PartialEq)]
pub struct Email {
    /// The recipient; by default the address of the user.
    pub to: Option<EmailAddress>,
    /// The subject: one line, not empty.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: Option<String>,
    /// The sender; by default that of the installation.
    pub from: Option<Mailbox>,
    /// The address for replies.
    pub reply_to: Option<Mailbox>,
    /// The `https` URL for one-click unsubscribe (RFC 8058).
    pub unsubscribe_url: Option<Url>,
}

impl Email {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let subject = fields.required_text(&["subject"]);
        if let Some(subject) = &subject {
            if subject.chars().any(char::is_control) {
                fields.invalid("subject", "must be one line without control characters");
            } else if subject.chars().count() > MAX_SUBJECT {
                fields.invalid(
                    "subject",
                    format!("must have at most {MAX_SUBJECT} characters"),
                );
            }
        }
        let text = fields.required_text(&["text", "body"]);
        let html = fields.text(&["html", "htmlContent"]).map(ToOwned::to_owned);
        let to = fields.parsed(&["to"]);
        let from = fields.parsed(&["from"]);
        let reply_to = fields.parsed(&["replyTo"]);
        let unsubscribe_url = unsubscribe_url(fields);
        Some(Self {
            to,
            subject: subject?,
            text: text?,
            html,
            from,
            reply_to,
            unsubscribe_url,
        })
    }

    /// Checks the fields that a template does not render. Reports their problems.
    pub(super) fn check_addresses(fields: &mut Fields<'_>) {
        fields.parsed::<EmailAddress>(&["to"]);
        fields.parsed::<Mailbox>(&["from"]);
        fields.parsed::<Mailbox>(&["replyTo"]);
        unsubscribe_url(fields);
    }
}

fn unsubscribe_url(fields: &mut Fields<'_>) -> Option<Url> {
    const NAME: &str = "unsubscribeUrl";
    let text = fields.text(&[NAME])?;
    let plain = text.len() <= 900 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|url| {
        // RFC 8058 §3.1 requires https. Angle brackets would end the value of the header.
        plain
            && url.scheme() == "https"
            && url.host().is_some()
            && !url.as_str().contains(['<', '>'])
    });
    if url.is_none() {
        fields.invalid(
            NAME,
            "must be an https URL, such as https://example.com/unsubscribe?id=1",
        );
    }
    url
}
