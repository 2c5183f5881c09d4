//! The JSON format of log lines.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes each event as one line with a flat JSON object: `timestamp` (RFC 3339, UTC), `level` in lower case,
/// `message`, `service`, `target`, and the fields of the event in camelCase (`message_id` becomes `messageId`).
///
/// The fields of the spans of Tidings follow, for example the `requestId` of a delivery. The formatter of
/// `tracing-subscriber` nests fields and writes levels in upper case.
pub struct JsonLines {
    service: &'static str,
}

impl JsonLines {
    /// `service` is the name of the program in every line.
    #[must_use]
    pub const fn new(service: &'static str) -> Self {
        Self { service }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // An event from the `log` crate has its target and level in fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut line = Line {
            text: String::with_capacity(256),
        };
        line.put(
            "timestamp",
            &json!(format_args!("{:.6}", Timestamp::now()).to_string()),
        );
        line.put(
            "level",
            &json!(metadata.level().as_str().to_ascii_lowercase()),
        );
        line.put("service", &json!(self.service));
        line.put("target", &json!(metadata.target()));
        event.record(&mut line);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && span.metadata().target().starts_with("tidings")
                && !fields.is_empty()
            {
                line.text.push(',');
                line.text.push_str(fields);
            }
        }
        writeln!(writer, "{{{}}}", line.text)
    }
}

/// Formats the fields of a span as members of the object.
pub struct JsonFields;

impl<'writer> FormatFields<'writer> for JsonFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut line = Line {
            text: String::new(),
        };
        fields.record(&mut line);
        writer.write_str(&line.text)
    }
}

/// The members of the object, without its braces.
struct Line {
    text: String,
}

impl Line {
    fn put(&mut self, name: &str, value: &Value) {
        use fmt::Write as _;
        if name.starts_with("log.") {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(',');
        }
        // Writing to a String does not fail.
        let _ = write!(self.text, "\"{name}\":{value}");
    }
}

/// Converts `message_id` to `messageId`.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else {
            camel.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
    camel
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(&camel_case(field.name()), &json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(&camel_case(field.name()), &json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(&camel_case(field.name()), &json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(&camel_case(field.name()), &json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(&camel_case(field.name()), &json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(&camel_case(field.name()), &json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        self.put(&camel_case(field.name()), &json!(text));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Value {
        let buffer = Buffer::default();
        let out = buffer.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLines::new("tidings-test"))
            .fmt_fields(JsonFields)
            .with_writer(move || out.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = buffer.0.lock().expect("not poisoned").clone();
        assert_eq!(
            String::from_utf8_lossy(&bytes).lines().count(),
            1,
            "one line"
        );
        serde_json::from_slice(&bytes).expect("a JSON object")
    }

    #[test]
    fn an_event_is_one_flat_object_with_camel_case_fields() {
        let line = logged(|| {
            tracing::warn!(message_id = %"id-1", r#type = "email", attempt = 2, "a \"line\"\nbreak");
        });
        assert_eq!(line["level"], "warn");
        assert_eq!(line["service"], "tidings-test");
        assert_eq!(line["message"], "a \"line\"\nbreak");
        assert_eq!(line["messageId"], "id-1");
        assert_eq!(line["type"], "email");
        assert_eq!(line["attempt"], 2);
        let timestamp = line["timestamp"].as_str().expect("text");
        assert!(timestamp.parse::<Timestamp>().is_ok(), "{timestamp}");
    }

    #[test]
    fn the_fields_of_a_span_are_members_of_the_lines_in_it() {
        let line = logged(|| {
            let outer = tracing::info_span!("outer", request_id = "r-1", nothing = None::<&str>);
            outer.in_scope(|| {
                tracing::info_span!("inner").in_scope(|| tracing::info!(attempt = 2, "in it"));
            });
        });
        assert_eq!(line["requestId"], "r-1");
        assert_eq!(line["attempt"], 2);
        assert!(line.get("nothing").is_none());
    }

    #[test]
    fn an_error_is_written_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);

        let error = Outer(io::Error::other("inner"));
        let line = logged(|| tracing::error!(error = &error as &dyn std::error::Error, "failed"));
        assert_eq!(line["error"], "outer: inner");
    }
}
