use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, SinglePart};
use tidings_domain::content::{EmailAddress, Mailbox};
use url::{Host, Url};

use super::header::HeaderSection;
use crate::providers::EmailMessage;

/// Maximum length of an unsubscribe URL, so that it fits on a header line of 998 bytes (RFC 5322 §2.1.1).
const MAX_URL: usize = 970;

/// An e-mail in wire format.
#[derive(Clone, Debug)]
pub(in crate::providers) struct Mail {
    /// The sender of the envelope.
    pub(super) from: Address,
    /// The recipient of the envelope.
    pub(super) to: Address,
    /// Header and body. Every line ends with CRLF, and there is no other CR or LF.
    pub(in crate::providers) content: Vec<u8>,
}

impl Mail {
    /// Composes `message`. `sender` is used if the payload names no sender.
    ///
    /// # Errors
    ///
    /// Returns why the message cannot be sent.
    pub(in crate::providers) fn compose(
        message: &EmailMessage,
        sender: &Mailbox,
        now: Timestamp,
    ) -> Result<Self, String> {
        let email = &message.email;
        let sender = email.from.as_ref().unwrap_or(sender);
        let (from, to) = (wire_address(&sender.address)?, wire_address(&message.to)?);

        let mut head = HeaderSection::default();
        head.mailbox("From", sender.name.as_deref(), from.as_ref());
        head.mailbox("To", None, to.as_ref());
        if let Some(reply_to) = &email.reply_to {
            let address = wire_address(&reply_to.address)?;
            head.mailbox("Reply-To", reply_to.name.as_deref(), address.as_ref());
        }
        head.text("Subject", &email.subject);
        head.structured("Date", &date(now)?);
        let domain = from.domain();
        head.structured("Message-ID", &format!("<{}@{domain}>", message.id));
        if let Some(url) = &email.unsubscribe_url {
            // RFC 8058 §3.1 requires both fields, and RFC 2369 §2 the brackets.
            head.structured("List-Unsubscribe", &format!("<{}>", plain(url)?));
            head.structured("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        }
        head.structured("MIME-Version", "1.0");

        let mut content = head.into_string().into_bytes();
        content.extend(body(&email.text, email.html.as_deref()));
        Ok(Self { from, to, content })
    }

    /// Whether the message requires SMTPUTF8 (RFC 6531). Only addresses can contain non-ASCII characters.
    pub(super) fn needs_utf8(&self) -> bool {
        !self.content.is_ascii()
    }
}

/// Converts the domain of an address to ASCII (RFC 5891), which every server accepts.
fn wire_address(address: &EmailAddress) -> Result<Address, String> {
    let text = address.as_str();
    let local = text.rsplit_once('@').map_or("", |(local, _)| local);
    let domain = match Host::parse(address.domain()) {
        Ok(Host::Domain(ascii)) => ascii,
        _ => address.domain().to_owned(),
    };
    Address::new(local, domain).map_err(|error| format!("an address cannot be used: {error}"))
}

fn date(now: Timestamp) -> Result<String, String> {
    let utc = now.to_zoned(TimeZone::UTC);
    rfc2822::to_string(&utc).map_err(|error| format!("no date: {error}"))
}

fn plain(url: &Url) -> Result<&str, String> {
    let text = url.as_str();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['<', '>']);
    if is_plain && text.len() <= MAX_URL {
        Ok(text)
    } else {
        Err("unsubscribeUrl is too long for a header line".to_owned())
    }
}

/// The body with its header fields: text only, or text and HTML, of which mail programs show the last that they
/// support (RFC 2046 §5.1.4).
fn body(text: &str, html: Option<&str>) -> Vec<u8> {
    let part = |kind, text| SinglePart::builder().header(kind).body(encoded_body(text));
    let text = part(ContentType::TEXT_PLAIN, text);
    match html {
        None => text.formatted(),
        Some(html) => MultiPart::alternative()
            .singlepart(text)
            .singlepart(part(ContentType::TEXT_HTML, html))
            .formatted(),
    }
}

/// The text with CRLF line ends and as little encoding as possible. Contains no bare CR or LF: servers disagree
/// whether one ends a line, and a body could end the message and start another ("SMTP smuggling").
fn encoded_body(text: &str) -> Body {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_control) {
        let encoding = ContentTransferEncoding::Base64;
        Body::new_with_encoding(text, encoding).unwrap_or_else(Body::new)
    } else {
        Body::new(text)
    }
}

#[cfg(test)]
mod tests;
