use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::trace::{InvalidTraceUrlTemplate, TraceUrlTemplate};
use url::Url;

use crate::{PlaintextKind, Reader, needs_encryption, table};

/// Maximum length of `OTEL_RESOURCE_ATTRIBUTES` and of `OTEL_EXPORTER_OTLP_HEADERS`, in bytes.
const MAX_PAIRS: usize = 8192;

/// Where spans are sent, and which.
#[derive(Clone)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, with the path for traces.
    pub endpoint: Url,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: names with values.
    pub headers: Vec<(String, SecretString)>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub timeout: Duration,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`: names with values.
    pub resource_attributes: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER`.
    pub sampler: TraceSampler,
    /// `OTEL_TRACES_SAMPLER_ARG`: the part of the traces that is recorded.
    pub ratio: f64,
}

impl fmt::Debug for TraceSettings {
    /// Leaves out the headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceSettings")
            .field("endpoint", &self.endpoint.as_str())
            .field("sampler", &self.sampler)
            .field("ratio", &self.ratio)
            .finish_non_exhaustive()
    }
}

/// `OTEL_TRACES_SAMPLER`: which traces are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceSampler {
    /// Those that the caller records, and a part of those without one.
    #[default]
    ParentBasedRatio,
    /// Those that the caller records, and all without one.
    ParentBasedAlwaysOn,
    /// Those that the caller records.
    ParentBasedAlwaysOff,
    /// A part.
    Ratio,
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
}

impl TraceSampler {
    /// Whether the flag of the caller decides, if there is one.
    #[must_use]
    pub const fn is_parent_based(self) -> bool {
        matches!(
            self,
            Self::ParentBasedRatio | Self::ParentBasedAlwaysOn | Self::ParentBasedAlwaysOff
        )
    }
}

impl FromStr for TraceSampler {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "parentbased_traceidratio" => Ok(Self::ParentBasedRatio),
            "parentbased_always_on" => Ok(Self::ParentBasedAlwaysOn),
            "parentbased_always_off" => Ok(Self::ParentBasedAlwaysOff),
            "traceidratio" => Ok(Self::Ratio),
            "always_on" => Ok(Self::AlwaysOn),
            "always_off" => Ok(Self::AlwaysOff),
            _ => Err("is not a sampler"),
        }
    }
}

impl TraceSettings {
    /// Reads the section. Returns `None` if no spans are sent, and after a mistake.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let is_disabled = reader.value::<bool>(table::OTEL_SDK_DISABLED);
        let endpoint = endpoint(reader);
        let headers = reader.secret(table::OTEL_EXPORTER_OTLP_HEADERS);
        let headers =
            headers.map(|text| pairs(text.expose_secret()).filter(|pairs| are_headers(pairs)));
        if matches!(headers, Some(None)) {
            let message = format!(
                "must be names and values of headers, as name=value, separated by commas, at most {MAX_PAIRS} bytes"
            );
            reader.problem(table::OTEL_EXPORTER_OTLP_HEADERS, message);
        }
        let headers = headers.flatten().unwrap_or_default();
        if let Some(endpoint) = &endpoint
            && !headers.is_empty()
            && endpoint.scheme() == "http"
        {
            let setting = table::OTEL_EXPORTER_OTLP_ENDPOINT;
            let host = endpoint.host_str().unwrap_or_default();
            if needs_encryption(reader, PlaintextKind::Providers, setting, host) {
                let message = "must begin with https:// in production if OTEL_EXPORTER_OTLP_HEADERS is set, unless ALLOW_PLAINTEXT contains providers";
                reader.problem(setting, message);
            }
        }
        let attributes: String = reader.value(table::OTEL_RESOURCE_ATTRIBUTES);
        let resource_attributes = pairs(&attributes);
        if resource_attributes.is_none() {
            let message = format!(
                "must be names and values, as name=value, separated by commas, at most {MAX_PAIRS} bytes"
            );
            reader.problem(table::OTEL_RESOURCE_ATTRIBUTES, message);
        }
        let ratio = reader.value::<f64>(table::OTEL_TRACES_SAMPLER_ARG);
        if !(0.0..=1.0).contains(&ratio) {
            let message = "must be a number between 0 and 1";
            reader.problem(table::OTEL_TRACES_SAMPLER_ARG, message);
        }
        let settings = Self {
            endpoint: endpoint?,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, SecretString::from(value)))
                .collect(),
            timeout: Duration::from_millis(reader.value(table::OTEL_EXPORTER_OTLP_TIMEOUT)),
            service_name: reader.optional(table::OTEL_SERVICE_NAME),
            resource_attributes: resource_attributes?,
            sampler: reader.value(table::OTEL_TRACES_SAMPLER),
            ratio,
        };
        (!is_disabled).then_some(settings)
    }
}

/// Reads `TRACE_URL_TEMPLATE`. Returns `None` if it is not set, and after a mistake.
pub fn read_trace_url_template(reader: &mut Reader) -> Option<TraceUrlTemplate> {
    let setting = table::TRACE_URL_TEMPLATE;
    match reader.text(setting)?.parse() {
        Ok(template) => Some(template),
        // The message does not quote the value, because it may contain a password.
        Err(error) => {
            let error: InvalidTraceUrlTemplate = error;
            reader.problem(setting, error.to_string());
            None
        }
    }
}

/// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, and appends the path for traces.
fn endpoint(reader: &mut Reader) -> Option<Url> {
    let setting = table::OTEL_EXPORTER_OTLP_ENDPOINT;
    let text = reader.text(setting)?;
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let Some(mut url) = url else {
        // The value may contain a password.
        let message = "must be an http or https URL without user, password, query and fragment";
        reader.problem(setting, message);
        return None;
    };
    let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

/// Reads `name=value`, separated by commas, with percent-encoded values. Returns `None` after a mistake.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    if text.len() > MAX_PAIRS {
        return None;
    }
    let items = text.split(',').map(str::trim);
    let pair = |item: &str| {
        let (name, value) = item.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    };
    items.filter(|item| !item.is_empty()).map(pair).collect()
}

/// Whether these can be headers of a request: names of visible ASCII characters, and values without control characters.
fn are_headers(pairs: &[(String, String)]) -> bool {
    let is_name = |name: &str| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let is_value = |value: &str| value.bytes().all(|b| matches!(b, b' '..=b'~'));
    pairs
        .iter()
        .all(|(name, value)| is_name(name) && is_value(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = TraceSettings::read(&mut reader);
        let finished = reader.finish(Some(settings));
        finished.map_err(|problems| problems.to_string())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");

    #[test]
    fn spans_are_sent_if_there_is_a_collector() {
        assert!(read(&[]).expect("valid").is_none());
        assert!(
            read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")])
                .expect("valid")
                .is_none()
        );
        let settings = read(&[
            ENDPOINT,
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20s3cret, x-a=b=c",
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=pro%2Cd",
            ),
        ]);
        let settings = settings.expect("valid").expect("on");
        assert_eq!(
            settings.endpoint.as_str(),
            "http://localhost:4318/v1/traces"
        );
        assert_eq!(
            (settings.sampler, settings.ratio),
            (TraceSampler::ParentBasedRatio, 0.01)
        );
        assert_eq!(settings.timeout, Duration::from_secs(10));
        let headers = settings.headers.iter();
        let headers: Vec<_> = headers
            .map(|(n, v)| (n.as_str(), v.expose_secret()))
            .collect();
        assert_eq!(
            headers,
            [("authorization", "Bearer s3cret"), ("x-a", "b=c")]
        );
        let attribute = ("deployment.environment.name".to_owned(), "pro,d".to_owned());
        assert_eq!(settings.resource_attributes, [attribute]);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn mistakes_are_reported_without_secrets() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "https://u:s3cret@example.com",
            ),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=s3cret%0d"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ] {
            let problem = read(&[ENDPOINT, (name, value)]).expect_err(value);
            assert!(problem.contains(name), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }

    #[test]
    fn headers_reach_other_machines_encrypted() {
        let header = ("OTEL_EXPORTER_OTLP_HEADERS", "a=b");
        let http = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318");
        assert!(read(&[header, http]).is_err());
        assert!(read(&[header, https]).is_ok());
        assert!(read(&[http]).is_ok());
        assert!(read(&[header, http, ("ALLOW_PLAINTEXT", "providers")]).is_ok());
    }
}
