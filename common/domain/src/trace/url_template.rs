use std::str::FromStr;

use url::Url;

use super::id::TraceId;

/// What stands for the id of the trace.
const PLACEHOLDER: &str = "{traceId}";

/// Maximum length, in bytes.
const MAX_BYTES: usize = 2048;

/// The URL of a trace in a tracing system, with `{traceId}` for its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceUrlTemplate(Box<str>);

/// The text is no template of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an http or https URL of at most {MAX_BYTES} bytes that contains {PLACEHOLDER}, without user and password"
)]
pub struct InvalidTraceUrlTemplate;

impl TraceUrlTemplate {
    /// The URL of a trace.
    #[must_use]
    pub fn url(&self, id: TraceId) -> String {
        self.0.replace(PLACEHOLDER, &id.to_string())
    }
}

impl FromStr for TraceUrlTemplate {
    type Err = InvalidTraceUrlTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                // The host must not depend on the trace.
                && !url.host_str().is_some_and(|host| host.contains(SAMPLE))
        };
        let url = Url::parse(&text.replace(PLACEHOLDER, SAMPLE));
        let is_valid = text.len() <= MAX_BYTES
            && text.contains(PLACEHOLDER)
            && text.bytes().all(|b| matches!(b, b'!'..=b'~'))
            && url.is_ok_and(|url| is_url(&url));
        is_valid
            .then(|| Self(text.into()))
            .ok_or(InvalidTraceUrlTemplate)
    }
}

const SAMPLE: &str = "0af7651916cd43dd8448eb211c80319c";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://t.example.com/trace/{traceId}", true)]
    #[case("http://localhost:16686/trace/{traceId}?uiFind={traceId}", true)]
    #[case(
        "https://g.example.com/explore?left=%7B%22query%22:%22{traceId}%22%7D",
        true
    )]
    #[case("https://t.example.com/trace/{trace_id}", false)]
    #[case("https://t.example.com/", false)]
    #[case("https://{traceId}.example.com/", false)]
    #[case("javascript:alert('{traceId}')", false)]
    #[case("ftp://t.example.com/{traceId}", false)]
    #[case("https://u:p@t.example.com/{traceId}", false)]
    #[case("/trace/{traceId}", false)]
    #[case("https://t.example.com/a b/{traceId}", false)]
    fn only_urls_with_the_placeholder_are_templates(#[case] text: &str, #[case] right: bool) {
        assert_eq!(text.parse::<TraceUrlTemplate>().is_ok(), right);
    }

    #[test]
    fn a_url_contains_the_id() {
        let template: TraceUrlTemplate = "https://t.example.com/{traceId}".parse().expect("valid");
        let id = SAMPLE.parse().expect("an id");
        assert_eq!(template.url(id), format!("https://t.example.com/{SAMPLE}"));
        let long = format!("https://t.example.com/{}{{traceId}}", "x".repeat(2048));
        assert!(long.parse::<TraceUrlTemplate>().is_err());
    }
}
