use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest line that we write where we can choose (RFC 5322 §2.1.1 and RFC 2047 §2).
const LINE: usize = 76;

/// The longest word that is not encoded: one that fits a line behind any field's name.
const WORD: usize = 60;

/// The bytes in one encoded word: with its brackets it fits a line behind any field's name.
const CHUNK: usize = 39;

/// A message's header section (RFC 5322 §2.2). What is written into it cannot begin another field:
/// texts are encoded or lose their control characters, and lines are broken by us alone.
#[derive(Debug, Default)]
pub(super) struct Head(String);

impl Head {
    /// A field for people, such as the subject.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let text = one_line(text);
        if is_plain(&text) {
            self.field(name, &folded(name, &text));
        } else {
            self.field(name, &encoded(&text));
        }
    }

    /// A mailbox: an address with or without a display name.
    pub(super) fn mailbox(&mut self, name: &str, display: Option<&str>, address: &str) {
        let display = one_line(display.unwrap_or_default());
        let display = display.trim();
        if display.is_empty() {
            return self.machine(name, address);
        }
        let phrase = if display.len() <= WORD && is_plain(display) {
            format!("\"{}\"", display.replace('\\', r"\\").replace('"', "\\\""))
        } else {
            encoded(display)
        };
        self.field(name, &format!("{phrase}\r\n <{}>", one_line(address)));
    }

    /// A field for machines, as it stands.
    pub(super) fn machine(&mut self, name: &str, value: &str) {
        self.field(name, &one_line(value));
    }

    fn field(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{name}: {value}\r\n");
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The text without control characters, line breaks among them.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Whether a text stands for itself: ASCII, nothing that reads as an encoded word, no space that
/// folding and unfolding might swallow, no word that does not fit a line.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.contains("=?")
        && text.split(' ').all(|word| (1..=WORD).contains(&word.len()))
}

/// The text, broken before words that do not fit the line (RFC 5322 §2.2.3).
fn folded(name: &str, text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut column = name.len() + 1;
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            if column + 1 + word.len() > LINE {
                folded.push_str("\r\n");
                column = 0;
            }
            folded.push(' ');
        }
        folded.push_str(word);
        column += 1 + word.len();
    }
    folded
}

/// The text as encoded words (RFC 2047), one a line, each of whole characters (§5).
fn encoded(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(chunk)));
        rest = after;
    }
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> String {
        let mut head = Head::default();
        head.text("Subject", text);
        head.into_string()
    }

    #[test]
    fn a_plain_text_stays_readable_and_long_ones_are_folded() {
        assert_eq!(
            subject("Your order has shipped!"),
            "Subject: Your order has shipped!\r\n"
        );
        let long = subject("Your order has shipped! ".repeat(10).trim_end());
        assert!(long.trim_end().contains("\r\n "), "{long}");
        assert!(long.lines().all(|line| line.len() <= LINE), "{long}");
        assert!(!long.contains("=?"), "{long}");
    }

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(subject("Grüße"), "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n");
        for text in ["=?utf-8?Q?Hi?=", "  Hi", "Hi ", "a  b", &"x".repeat(100)] {
            let subject = subject(text);
            assert!(subject.starts_with("Subject: =?utf-8?B?"), "{subject}");
        }
        let long = subject(&"ß€😀".repeat(50));
        assert!(long.lines().all(|line| line.len() <= LINE), "{long}");
    }

    #[test]
    fn no_value_begins_a_line() {
        let mut head = Head::default();
        head.text("Subject", "Hi\r\nBcc: eve@example.com");
        head.mailbox("From", Some("A\r\nBcc: b\"\\"), "a@example.com\r\nBcc: c");
        head.machine("Message-ID", "<a>\nBcc: d\r");
        let head = head.into_string();
        for line in head.split_terminator("\r\n") {
            assert!(!line.starts_with("Bcc"), "{head}");
            assert!(!line.contains(['\r', '\n']), "{head}");
        }
    }
}
