use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Preferred maximum length of a line (RFC 5322 §2.1.1 and RFC 2047 §2).
const LINE: usize = 76;

/// Maximum length of a word that is not encoded. It fits on a line after any field name.
const WORD: usize = 60;

/// Number of bytes in one encoded word. With its delimiters it fits on a line after any field name.
const CHUNK: usize = 39;

/// The header section of a message (RFC 5322 §2.2). A value cannot start another field: texts are encoded or
/// lose their control characters, and only this code breaks lines.
#[derive(Debug, Default)]
pub(super) struct HeaderSection(String);

impl HeaderSection {
    /// Writes a field of unstructured text, such as the subject.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let text = one_line(text);
        if is_plain(&text) {
            self.field(name, &folded(name, &text));
        } else {
            self.field(name, &encoded(&text));
        }
    }

    /// Writes an address with an optional display name.
    pub(super) fn mailbox(&mut self, name: &str, display: Option<&str>, address: &str) {
        let display = one_line(display.unwrap_or_default());
        let display = display.trim();
        if display.is_empty() {
            return self.structured(name, address);
        }
        let phrase = if display.len() <= WORD && is_plain(display) {
            format!("\"{}\"", display.replace('\\', r"\\").replace('"', "\\\""))
        } else {
            encoded(display)
        };
        self.field(name, &format!("{phrase}\r\n <{}>", one_line(address)));
    }

    /// Writes a structured field without encoding.
    pub(super) fn structured(&mut self, name: &str, value: &str) {
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

/// Replaces control characters, including line breaks, by spaces.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Whether a text needs no encoding: ASCII, no encoded word, no spaces that folding could remove, and no word
/// that is too long for a line.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.contains("=?")
        && text.split(' ').all(|word| (1..=WORD).contains(&word.len()))
}

/// Folds the text before words that do not fit on the line (RFC 5322 §2.2.3).
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

/// Encodes the text as encoded words (RFC 2047), one on each line, each of whole characters (§5).
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
        let mut head = HeaderSection::default();
        head.text("Subject", text);
        head.into_string()
    }

    #[test]
    fn plain_texts_are_not_encoded_and_long_ones_are_folded() {
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
    fn other_texts_are_encoded() {
        assert_eq!(subject("Grüße"), "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n");
        for text in ["=?utf-8?Q?Hi?=", "  Hi", "Hi ", "a  b", &"x".repeat(100)] {
            let subject = subject(text);
            assert!(subject.starts_with("Subject: =?utf-8?B?"), "{subject}");
        }
        let long = subject(&"ß€😀".repeat(50));
        assert!(long.lines().all(|line| line.len() <= LINE), "{long}");
    }

    #[test]
    fn no_value_starts_a_line() {
        let mut head = HeaderSection::default();
        head.text("Subject", "Hi\r\nBcc: eve@example.com");
        head.mailbox("From", Some("A\r\nBcc: b\"\\"), "a@example.com\r\nBcc: c");
        head.structured("Message-ID", "<a>\nBcc: d\r");
        let head = head.into_string();
        for line in head.split_terminator("\r\n") {
            assert!(!line.starts_with("Bcc"), "{head}");
            assert!(!line.contains(['\r', '\n']), "{head}");
        }
    }
}
