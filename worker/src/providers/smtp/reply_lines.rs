use std::collections::VecDeque;

/// Maximum length in bytes of a reply line that is passed on. lettre refuses lines above 1000 bytes.
const MAX_LINE: usize = 900;

/// Maximum number of lines of a reply that are passed on. lettre refuses replies above 100,000 bytes.
const MAX_LINES: usize = 100;

/// The text of a reply that has none.
pub(super) const NO_TEXT: &str = "(no text)";

/// Turns the bytes that a server sends into replies that lettre can parse.
///
/// The reply code alone decides what happens to a message (RFC 5321 §4.2), but lettre refuses a reply whose text is
/// not UTF-8, or is missing, or too long. Whatever follows the code is therefore decoded lossily, clipped, or replaced
/// by [`NO_TEXT`]. The code of a reply of several lines is that of its last line. A line without a code is passed on if
/// it begins a reply (and cannot be parsed), and is text if it continues one. If the connection ends within a reply, the
/// last code that has arrived is the code.
#[derive(Debug, Default)]
pub(super) struct ReplyLines {
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// The texts of the lines of a reply whose last line has not arrived.
    texts: Vec<String>,
    /// The code of the last line of a reply whose last line has not arrived.
    code: Option<ReplyCode>,
    replies: VecDeque<String>,
}

impl ReplyLines {
    /// Adds bytes from the server.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line);
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
    }

    /// Adds a reply that was read before.
    pub(super) fn push_reply(&mut self, reply: String) {
        self.replies.push_back(reply);
    }

    /// Returns the next complete reply: lines that end with CRLF.
    pub(super) fn next_reply(&mut self) -> Option<String> {
        self.replies.pop_front()
    }

    /// Returns the next complete reply without removing it.
    pub(super) fn peek(&self) -> Option<&str> {
        self.replies.front().map(String::as_str)
    }

    /// Completes the reply that the end of the connection has cut off, if its code has arrived.
    pub(super) fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.code.is_some() || ReplyLine::parse(&line).is_some() {
            self.end_line(&line);
        }
        if let Some(code) = self.code.take() {
            self.end_reply(code);
        }
    }

    /// Whether every byte has been returned.
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.code.is_none() && self.replies.is_empty()
    }

    fn end_line(&mut self, line: &[u8]) {
        match ReplyLine::parse(line) {
            Some(line) => {
                self.add_text(line.text);
                self.code = Some(line.code).filter(|_| !line.is_last);
                if line.is_last {
                    self.end_reply(line.code);
                }
            }
            None if self.code.is_some() => self.add_text(text(line)),
            None if line.trim_ascii().is_empty() => {}
            None => self.replies.push_back(format!("{}\r\n", text(line))),
        }
    }

    fn end_reply(&mut self, code: ReplyCode) {
        let reply = code.reply(&std::mem::take(&mut self.texts));
        self.replies.push_back(reply);
    }

    fn add_text(&mut self, text: String) {
        if self.texts.len() < MAX_LINES {
            self.texts.push(text);
        }
    }
}

struct ReplyLine {
    code: ReplyCode,
    is_last: bool,
    text: String,
}

impl ReplyLine {
    /// Returns `None` if the line does not begin with a reply code.
    fn parse(line: &[u8]) -> Option<Self> {
        let (digits, rest) = line.split_first_chunk()?;
        let code = ReplyCode::parse(*digits)?;
        let (is_last, rest) = match rest {
            [b'-', rest @ ..] => (false, rest),
            // A number that is longer than a code.
            [b'0'..=b'9', ..] => return None,
            // A space, which `text` removes, or no separator.
            rest => (true, rest),
        };
        Some(Self {
            text: text(rest),
            code,
            is_last,
        })
    }
}

/// The digits of a reply code.
#[derive(Clone, Copy, Debug)]
struct ReplyCode([u8; 3]);

impl ReplyCode {
    fn parse(digits: [u8; 3]) -> Option<Self> {
        let [severity, others @ ..] = digits;
        let is_code = (b'2'..=b'5').contains(&severity) && others.iter().all(u8::is_ascii_digit);
        is_code.then_some(Self(digits))
    }

    /// Formats a reply. lettre knows no second digit above 5: such a code becomes x5x, which a client must treat like
    /// any unknown code of its first digit (RFC 5321 §4.2), and the original code becomes part of the text.
    fn reply(self, texts: &[String]) -> String {
        let original = self.0.map(char::from);
        let mut code = original;
        let mut prefix = String::new();
        if original[1] > '5' {
            code[1] = '5';
            prefix.extend(original.iter().chain(&[' ']));
        }
        let code = String::from_iter(code);
        let line = |(place, text): (usize, &String)| {
            let separator = if place + 1 == texts.len() { ' ' } else { '-' };
            match place {
                0 if text.is_empty() => format!("{code}{separator}{prefix}{NO_TEXT}\r\n"),
                0 => format!("{code}{separator}{prefix}{text}\r\n"),
                _ => format!("{code}{separator}{text}\r\n"),
            }
        };
        texts.iter().enumerate().map(line).collect()
    }
}

/// Decodes a text lossily, replaces control characters, and clips it.
fn text(bytes: &[u8]) -> String {
    let decoded = String::from_utf8_lossy(bytes);
    let printable: String = decoded
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    printable[..printable.floor_char_boundary(MAX_LINE)].to_owned()
}

#[cfg(test)]
mod tests {
    use lettre::transport::smtp::response::Response;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn replies(bytes: &[u8]) -> Vec<String> {
        let mut lines = ReplyLines::default();
        // One byte at a time: where the network splits a reply must not matter.
        for byte in bytes {
            lines.push(&[*byte]);
        }
        std::iter::from_fn(|| lines.next_reply()).collect()
    }

    #[rstest]
    #[case(b"250 2.0.0 OK\r\n", "250 2.0.0 OK\r\n")]
    #[case(
        b"550 5.1.1 Empf\xe4nger unbekannt\r\n",
        "550 5.1.1 Empf\u{fffd}nger unbekannt\r\n"
    )]
    #[case(b"250\r\n", "250 (no text)\r\n")]
    #[case(b"250 \r\n", "250 (no text)\r\n")]
    #[case(b"250\n", "250 (no text)\r\n")]
    #[case(b"250OK\r\n", "250 OK\r\n")]
    #[case(b"250\tOK\r\n", "250 OK\r\n")]
    #[case(b"\r\n250 OK\r\n", "250 OK\r\n")]
    #[case(b"250-a\r\n250 b\r\n", "250-a\r\n250 b\r\n")]
    #[case(b"250-a\r\nb\r\n\r\n250 c\r\n", "250-a\r\n250-b\r\n250-\r\n250 c\r\n")]
    #[case(b"451-a\r\n550 b\r\n", "550-a\r\n550 b\r\n")]
    #[case(b"250 a\0b\x1b[31m\r\n", "250 a b [31m\r\n")]
    #[case(b"591 listed\r\n", "551 591 listed\r\n")]
    #[case(b"HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request\r\n")]
    #[case(b"2500 bytes\r\n", "2500 bytes\r\n")]
    fn the_code_decides_and_the_text_is_made_readable(#[case] sent: &[u8], #[case] read: &str) {
        assert_eq!(replies(sent), [read]);
    }

    #[test]
    fn replies_are_complete_and_in_order() {
        let mut lines = ReplyLines::default();
        lines.push(b"250-a\r\n");
        assert_eq!(lines.next_reply(), None);
        assert!(!lines.is_empty());
        lines.push(b"250 b\r\n354 go\r\n25");
        assert_eq!(lines.next_reply().as_deref(), Some("250-a\r\n250 b\r\n"));
        assert_eq!(lines.next_reply().as_deref(), Some("354 go\r\n"));
        assert_eq!(lines.next_reply(), None);
        assert!(!lines.is_empty(), "a started line");
        lines.push(b"0 c\r\n");
        assert!(lines.next_reply().is_some() && lines.is_empty());
    }

    #[test]
    fn long_lines_and_long_replies_are_clipped() {
        for byte in [b'x', 0xe4] {
            let mut sent = b"550 ".to_vec();
            sent.resize(100_000, byte);
            sent.extend_from_slice(b"\r\n");
            let read = replies(&sent).remove(0);
            let response: Response = read.parse().expect("readable");
            assert!(response.has_code(550) && read.len() < 1000);
        }
        let mut sent = Vec::new();
        for _ in 0..10_000 {
            sent.extend_from_slice(&[&b"250-"[..], &[0xe4; 2000], b"\r\n"].concat());
        }
        sent.extend_from_slice(b"250 OK\r\n");
        let read = replies(&sent).remove(0);
        assert!(read.len() <= 100_000, "{}", read.len());
        assert!(
            read.parse::<Response>()
                .is_ok_and(|response| response.has_code(250))
        );
    }

    proptest! {
        #[test]
        fn lettre_reads_every_reply_that_ends_with_a_code(
            code in 200_u16..600,
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5),
            text in prop::collection::vec(any::<u8>().prop_filter("one line", |b| *b != b'\n'), 0..50),
        ) {
            let mut sent = Vec::new();
            for line in &lines {
                sent.extend_from_slice(format!("{code}-").as_bytes());
                sent.extend(line.iter().filter(|byte| **byte != b'\n'));
                sent.extend_from_slice(b"\r\n");
            }
            sent.extend_from_slice(format!("{code} ").as_bytes());
            sent.extend_from_slice(&text);
            sent.extend_from_slice(b"\r\n");
            let read = replies(&sent);
            prop_assert_eq!(read.len(), 1);
            let response: Response = read[0].parse().expect("readable");
            let read_code = u16::from(response.code());
            if code / 10 % 10 <= 5 {
                prop_assert_eq!(read_code, code);
            } else {
                prop_assert_eq!(read_code / 100, code / 100);
            }
        }
    }
}
