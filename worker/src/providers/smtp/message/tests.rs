//! Composed messages are parsed by another implementation.

use mail_parser::{Address as Parsed, Header, Message, MessageParser, MimeHeaders};
use proptest::prelude::*;
use tidings_domain::content::Email;
use tidings_domain::notification::MessageId;

use super::*;

const HEADER: [&str; 9] = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
];

fn mailbox(name: Option<&str>, address: &str) -> Mailbox {
    Mailbox {
        name: name.map(ToOwned::to_owned),
        address: address.parse().expect("an address"),
    }
}

fn message() -> EmailMessage {
    EmailMessage {
        id: MessageId::generate(),
        to: "anna@example.org".parse().expect("an address"),
        email: Email {
            to: None,
            subject: "Ihre Bestellung ist unterwegs – größer als gedacht".to_owned(),
            text: "Grüße\n.\n.. und\r\n.\r\nmehr\n".to_owned(),
            html: Some("<p>Grüße</p>".to_owned()),
            from: None,
            reply_to: Some(mailbox(Some("Ärger & Söhne"), "help@example.com")),
            unsubscribe_url: Some("https://example.com/u?id=1&a=b".parse().expect("a URL")),
        },
    }
}

fn sender() -> Mailbox {
    mailbox(Some("Tidings, \"Ltd\""), "tidings@example.com")
}

fn compose(message: &EmailMessage) -> Vec<u8> {
    let now = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
    let mail = Mail::compose(message, &sender(), now).expect("composed");
    mail.content
}

fn parse(content: &[u8]) -> Message<'_> {
    MessageParser::default().parse(content).expect("a message")
}

/// The names of the fields before `Content-Type`.
fn fields<'a>(parsed: &'a Message<'_>) -> Vec<&'a str> {
    let names = parsed.headers().iter().map(Header::name);
    names
        .take_while(|name| !name.starts_with("Content-"))
        .collect()
}

fn first<'a>(address: Option<&'a Parsed<'_>>) -> (Option<&'a str>, Option<&'a str>) {
    let address = address.and_then(Parsed::first).expect("an address");
    (address.name(), address.address())
}

fn crlf(text: &str) -> String {
    let lf = text.replace("\r\n", "\n").replace('\r', "\n");
    lf.replace('\n', "\r\n")
}

/// Requirements on every message (RFC 5322 §2.1 and §2.3).
fn assert_well_formed(content: &[u8]) {
    let text = std::str::from_utf8(content).expect("UTF-8");
    assert!(text.is_ascii(), "{text}");
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare CR or LF: {line:?}");
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
    }
    assert!(text.ends_with("\r\n"));
}

#[test]
fn a_message_has_both_parts_and_the_header_that_it_needs() {
    let message = message();
    let content = compose(&message);
    assert_well_formed(&content);
    let parsed = parse(&content);
    assert_eq!(fields(&parsed), HEADER);
    let from = (Some("Tidings, \"Ltd\""), Some("tidings@example.com"));
    assert_eq!(first(parsed.from()), from);
    assert_eq!(first(parsed.to()), (None, Some("anna@example.org")));
    let reply_to = (Some("Ärger & Söhne"), Some("help@example.com"));
    assert_eq!(first(parsed.reply_to()), reply_to);
    assert_eq!(parsed.subject(), Some(message.email.subject.as_str()));
    let id = format!("{}@example.com", message.id);
    assert_eq!(parsed.message_id(), Some(id.as_str()));
    let date = parsed.date().expect("a date").to_rfc3339();
    assert_eq!(date, "2026-01-02T03:04:05Z");
    let unsubscribe = parsed.header_raw("List-Unsubscribe").map(str::trim);
    assert_eq!(unsubscribe, Some("<https://example.com/u?id=1&a=b>"));
    let post = parsed.header_raw("List-Unsubscribe-Post").map(str::trim);
    assert_eq!(post, Some("List-Unsubscribe=One-Click"));
    assert_eq!(
        parsed.header_raw("MIME-Version").map(str::trim),
        Some("1.0")
    );

    let root = parsed.content_type().expect("a type");
    assert_eq!(
        (root.ctype(), root.subtype()),
        ("multipart", Some("alternative"))
    );
    assert_eq!(parsed.parts.len(), 3, "the whole and its two parts");
    for (part, subtype) in [(1, "plain"), (2, "html")] {
        let kind = parsed.parts[part].content_type().expect("a type");
        assert_eq!((kind.ctype(), kind.subtype()), ("text", Some(subtype)));
        assert_eq!(kind.attribute("charset"), Some("utf-8"));
    }
    let text = parsed.body_text(0).expect("a text");
    assert_eq!(text.trim_end(), crlf(&message.email.text).trim_end());
    let html = parsed.body_html(0).expect("HTML");
    assert_eq!(html.trim_end(), "<p>Grüße</p>");
}

#[test]
fn a_message_without_html_is_text_only() {
    let mut message = message();
    message.email.html = None;
    message.email.reply_to = None;
    message.email.unsubscribe_url = None;
    let content = compose(&message);
    let parsed = parse(&content);
    assert_eq!(
        fields(&parsed),
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version"
        ]
    );
    let root = parsed.content_type().expect("a type");
    assert_eq!((root.ctype(), root.subtype()), ("text", Some("plain")));
    assert_eq!(parsed.parts.len(), 1);
}

#[test]
fn the_sender_in_the_payload_overrides_the_default_sender() {
    let mut message = message();
    message.email.from = Some(mailbox(None, "shop@example.net"));
    let now = Timestamp::now();
    let mail = Mail::compose(&message, &sender(), now).expect("composed");
    assert_eq!(mail.from.to_string(), "shop@example.net");
    assert_eq!(mail.to.to_string(), "anna@example.org");
    let parsed = parse(&mail.content);
    assert_eq!(first(parsed.from()), (None, Some("shop@example.net")));
    let id = format!("{}@example.net", message.id);
    assert_eq!(parsed.message_id(), Some(id.as_str()));
}

#[test]
fn domains_are_converted_to_ascii_and_local_parts_need_smtputf8() {
    let mut message = message();
    message.to = "anna@exämple.org".parse().expect("an address");
    let mail = Mail::compose(&message, &sender(), Timestamp::now()).expect("composed");
    assert_eq!(mail.to.to_string(), "anna@xn--exmple-cua.org");
    assert!(!mail.needs_utf8());
    message.to = "ännä@example.org".parse().expect("an address");
    let mail = Mail::compose(&message, &sender(), Timestamp::now()).expect("composed");
    assert!(mail.needs_utf8());
}

#[test]
fn an_unsubscribe_url_that_is_too_long_for_a_line_is_refused() {
    let mut message = message();
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
    message.email.unsubscribe_url = Some(long.parse().expect("a URL"));
    let refused = Mail::compose(&message, &sender(), Timestamp::now());
    assert!(refused.expect_err("too long").contains("unsubscribeUrl"));
}

/// Arbitrary texts, and texts that try to break the format.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,250}",
        "[a-zA-Zäöüß€😀 ]{0,250}",
        "([a-z ]{0,20}(\r\n|\n|\r|\u{2028}|\u{85}|\0|\t| )Bcc: [a-z]{1,5}@example.com){1,3}",
        "(.{0,20}(\r\n|\n|\r)\\.?){1,20}",
        "=\\?utf-8\\?[QB]\\?[a-zA-Z=_]{0,20}\\?=",
        "[a-z]{900,3000}",
    ]
}

/// The text as it appears in a header.
fn as_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

proptest! {
    #[test]
    fn no_text_starts_a_header_field_or_is_lost(
        subject in text().prop_filter("not empty", |text| !text.is_empty()),
        from in text(),
        reply_to in text(),
        body in text(),
        html in text(),
    ) {
        let mut message = message();
        message.email.subject.clone_from(&subject);
        message.email.from = Some(mailbox(Some(&from), "shop@example.net"));
        message.email.reply_to = Some(mailbox(Some(&reply_to), "help@example.com"));
        message.email.text.clone_from(&body);
        message.email.html = Some(html.clone());
        let content = compose(&message);
        assert_well_formed(&content);
        let parsed = parse(&content);
        prop_assert_eq!(fields(&parsed), HEADER);
        prop_assert_eq!(parsed.parts.len(), 3);
        let subject = as_line(&subject);
        prop_assert_eq!(parsed.subject(), Some(subject.as_str()));
        for (name, address, header) in [
            (from, "shop@example.net", parsed.from()),
            (reply_to, "help@example.com", parsed.reply_to()),
        ] {
            let name = as_line(&name);
            let name = Some(name.trim()).filter(|name| !name.is_empty());
            prop_assert_eq!(first(header), (name, Some(address)));
        }
        for (read, written) in [(parsed.body_text(0), body), (parsed.body_html(0), html)] {
            // The line break before a boundary belongs to the boundary.
            let (read, written) = (read.expect("a part"), crlf(&written));
            let ends = ['\r', '\n'];
            prop_assert_eq!(read.trim_end_matches(ends), written.trim_end_matches(ends));
        }
    }
}
