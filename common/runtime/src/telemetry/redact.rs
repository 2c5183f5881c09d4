//! Keeps API keys, refresh tokens, tokens of the dashboard and links to unsubscribe out of the log, wherever in a line they are.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// What API keys, refresh tokens, and links to and sessions of the dashboard begin with, and the path of a link to unsubscribe:
/// the first byte of its token is the version of the format.
const PREFIXES: [&[u8]; 5] = [b"tdk_", b"tdr_", b"tdl_", b"tds_", b"/u/AQ"];

/// Whether a prefix begins with a byte. Most bytes of a line begin none, and each byte of each line is looked at.
const BEGINS_PREFIX: [bool; 256] = {
    let mut begins = [false; 256];
    let mut at = 0;
    while at < PREFIXES.len() {
        begins[PREFIXES[at][0] as usize] = true;
        at += 1;
    }
    begins
};

/// Replaces what is after a prefix.
const MASK: &[u8] = b"***";

/// Replaces all API keys (`tdk_…`), refresh tokens (`tdr_…`), tokens of the dashboard (`tdl_…`, `tds_…`) and tokens of links to
/// unsubscribe (`/u/AQ…`) in a text.
#[must_use]
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = find(text) else {
        return Cow::Borrowed(text);
    };
    let (mut redacted, mut rest, mut found) = (Vec::with_capacity(text.len()), text, first);
    loop {
        let (with_prefix, secret) = rest.split_at(found);
        redacted.extend_from_slice(with_prefix);
        redacted.extend_from_slice(MASK);
        let end = secret.iter().position(|byte| !is_secret(*byte));
        rest = &secret[end.unwrap_or(secret.len())..];
        match find(rest) {
            Some(next) => found = next,
            None => break,
        }
    }
    redacted.extend_from_slice(rest);
    Cow::Owned(redacted)
}

/// The position of the first character of the next secret, after its prefix.
fn find(text: &[u8]) -> Option<usize> {
    (0..text.len()).find_map(|place| {
        if !BEGINS_PREFIX[usize::from(text[place])] {
            return None;
        }
        let prefix = PREFIXES.iter().find(|one| text[place..].starts_with(one))?;
        let start = place + prefix.len();
        text.get(start).filter(|byte| is_secret(**byte))?;
        Some(start)
    })
}

/// Whether a byte can be a part of a secret. A refresh token has parts that points separate, and base64.
const fn is_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Writes log lines without secrets. Each call of `write` gets a whole line.
#[derive(Clone, Copy, Debug)]
pub struct RedactingWriter<W>(pub W);

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&redact(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for RedactingWriter<W> {
    type Writer = RedactingWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(self.0.make_writer())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::layer::SubscriberExt;

    use super::super::{JsonFields, JsonLines};
    use super::*;

    const KEY: &str = "tdk_4nB7xQz0Ld_0123456789012345678901234567890123456789abcdef";
    const TOKEN: &str = "tdr_019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f.17.x-Y_z0123456789";
    const LINK: &str = "https://example.com/n/u/AQEAAAAAAAAAAAAAAAAAAAAHBG5ld3MC";

    fn redacted(text: &str) -> String {
        String::from_utf8(redact(text.as_bytes()).into_owned()).expect("UTF-8")
    }

    #[test]
    fn every_secret_in_a_text_is_replaced() {
        for (text, expected) in [
            ("nothing", "nothing".to_owned()),
            (KEY, "tdk_***".to_owned()),
            (TOKEN, "tdr_***".to_owned()),
            (
                "/dashboard/login#tdl_0a1B __Host-tidings=tds_0a1B; x",
                "/dashboard/login#tdl_*** __Host-tidings=tds_***; x".to_owned(),
            ),
            (
                &format!("<{LINK}>, /u/{TOKEN} /u/AQ"),
                "<https://example.com/n/u/AQ***>, /u/tdr_*** /u/AQ".to_owned(),
            ),
            (
                &format!("a=\"{KEY}\",b={TOKEN} {KEY}/x"),
                "a=\"tdk_***\",b=tdr_*** tdk_***/x".to_owned(),
            ),
            (&format!("ü{KEY}ü"), "ütdk_***ü".to_owned()),
            (&format!("tdk_{KEY}"), "tdk_***".to_owned()),
            ("tdk_ tdr_ tdx_a", "tdk_ tdr_ tdx_a".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
        assert!(matches!(redact(b"nothing"), Cow::Borrowed(_)));
    }

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            buffer.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer {KEY}")]
    struct Outer(#[source] io::Error);

    /// Logs secrets in every part of a line.
    fn log_everywhere() {
        let error = Outer(io::Error::other(TOKEN));
        let span = tracing::info_span!("outer", credential = KEY, debug = ?Some(TOKEN));
        span.in_scope(|| {
            tracing::info!(key = KEY, shown = %TOKEN, debug = ?[KEY, "ä"], "message {KEY}");
            tracing::error!(error = &error as &dyn std::error::Error, "failed");
        });
        let panicked = std::panic::catch_unwind(|| panic!("with {KEY}"));
        let payload = panicked.expect_err("a panic");
        let message = payload.downcast_ref::<String>().map(String::as_str);
        // What the panic hook of the programs logs.
        tracing::error!(panic = message, "panicked");
    }

    #[test]
    fn no_part_of_a_line_contains_a_secret_in_either_format() {
        let (json, pretty) = (Buffer::default(), Buffer::default());
        let (for_json, for_pretty) = (json.clone(), pretty.clone());
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLines::new("tidings-test"))
            .fmt_fields(JsonFields)
            .with_writer(RedactingWriter(move || for_json.clone()));
        let registry = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(registry, log_everywhere);
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(true)
            .with_writer(RedactingWriter(move || for_pretty.clone()));
        let registry = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(registry, log_everywhere);
        for buffer in [json, pretty] {
            let bytes = buffer.0.lock().expect("not poisoned").clone();
            let text = String::from_utf8(bytes).expect("UTF-8");
            for part in ["4nB7xQz0Ld", "abcdef", "019a2f6e", "x-Y_z0"] {
                assert!(!text.contains(part), "{part}: {text}");
            }
            // In the message, three fields, the span's two fields twice, the error and its cause, and the panic.
            assert!(text.matches("td").count() >= 10, "{text}");
        }
    }
}
