use std::fmt;

use super::id::{SpanId, TraceId, is_hex};
use super::state::TraceState;

/// The flags of version 00 that are known: sampled, and that the trace id is random.
const KNOWN_FLAGS: u8 = 0b11;

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 0b01;

/// Maximum length of a `traceparent`, in bytes. Later versions may add fields to the 55 bytes of version 00.
const MAX_TRACEPARENT: usize = 256;

/// The trace that a notification belongs to, and the span that caused what happens next: the headers `traceparent` and
/// `tracestate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The flags of `traceparent`.
    pub flags: u8,
    /// The `tracestate`.
    pub state: Option<TraceState>,
}

impl TraceContext {
    /// Reads the headers. Returns `None` if `traceparent` is invalid: then nothing is known about a trace. An invalid
    /// `tracestate` is left out.
    #[must_use]
    pub fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let traceparent = traceparent.trim_matches([' ', '\t']);
        let fixed = traceparent.get(..55)?;
        let rest = &traceparent[55..];
        let mut fields = fixed.split('-');
        let (version, trace, span, flags) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let is_version = is_hex(version, 2) && version != "ff" && fields.next().is_none();
        // Of a later version, what version 00 defines is read.
        let rest_is_allowed = rest.is_empty() || version != "00" && rest.starts_with('-');
        if !is_version
            || !rest_is_allowed
            || traceparent.len() > MAX_TRACEPARENT
            || !is_hex(flags, 2)
        {
            return None;
        }
        Some(Self {
            trace_id: trace.parse().ok()?,
            span_id: span.parse().ok()?,
            flags: u8::from_str_radix(flags, 16).ok()? & KNOWN_FLAGS,
            state: tracestate.and_then(|state| state.parse().ok()),
        })
    }

    /// Whether the caller records this trace (the flag `sampled`).
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The header `traceparent`, of version 00.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}", self.trace_id, self.parent())
    }

    /// The fields of `traceparent` after the trace id.
    #[must_use]
    pub fn parent(&self) -> String {
        format!("{}-{:02x}", self.span_id, self.flags)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn traceparent(version: &str, flags: &str) -> String {
        format!("{version}-{TRACE}-{SPAN}-{flags}")
    }

    #[test]
    fn a_context_is_written_as_it_was_read() {
        let text = traceparent("00", "01");
        let read = TraceContext::read(&text, Some("a=1")).expect("valid");
        assert_eq!(read.traceparent(), text);
        assert_eq!(read.trace_id.to_string(), TRACE);
        assert_eq!(read.state.as_ref().map(TraceState::as_str), Some("a=1"));
        assert!(read.is_sampled());
        assert_eq!(
            TraceId::from_bytes(read.trace_id.to_bytes()),
            Some(read.trace_id)
        );
        let unsampled = TraceContext::read(&traceparent("00", "00"), None).expect("valid");
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for text in [
            traceparent("01", "ff"),
            format!("{}-what", traceparent("cc", "09")),
        ] {
            let read = TraceContext::read(&text, None).expect("valid");
            assert!(read.is_sampled(), "{text}");
            assert!(read.traceparent().starts_with("00-"), "{text}");
            assert!(read.flags <= KNOWN_FLAGS, "{text}");
        }
    }

    #[rstest]
    #[case("")]
    #[case("00")]
    #[case("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    #[case("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    #[case("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")]
    #[case("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more")]
    #[case("00-0af7651916cd43dd8448eb211c8031-9c-b7ad6b7169203331-01")]
    #[case("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333ü-01")]
    fn an_invalid_traceparent_is_no_context(#[case] text: &str) {
        assert_eq!(TraceContext::read(text, Some("a=1")), None);
    }

    #[test]
    fn limits_are_in_bytes() {
        let long = format!("01-{TRACE}-{SPAN}-01-{}", "x".repeat(200));
        assert!(TraceContext::read(&long, None).is_some());
        let longer = format!("{long}x");
        assert_eq!(TraceContext::read(&longer, None), None);
        let read = TraceContext::read(&traceparent("00", "01"), Some(&"a=1,".repeat(200)));
        assert_eq!(read.expect("valid").state, None);
    }

    proptest! {
        #[test]
        fn arbitrary_headers_are_read_or_ignored(parent in ".{0,80}", state in ".{0,600}") {
            if let Some(read) = TraceContext::read(&parent, Some(&state)) {
                let again = TraceContext::read(&read.traceparent(), read.state.as_ref().map(TraceState::as_str));
                prop_assert_eq!(again, Some(read));
            }
        }
    }
}
