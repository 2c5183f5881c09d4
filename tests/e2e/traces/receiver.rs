use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use tidings_tests::{MockHttpServer, Received, Response, World};

/// The value of the header that each request must have.
const CREDENTIAL: &str = "Bearer a-secret-of-the-collector";

/// A collector: takes spans by OTLP over HTTP.
pub(super) struct OtlpReceiver {
    server: MockHttpServer,
}

/// A span that has arrived.
#[derive(Clone, Debug)]
pub(super) struct ReceivedSpan {
    /// `service.name`.
    pub(super) service: String,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    /// In hexadecimal digits.
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) state: String,
    /// The traces and spans that it is linked to.
    pub(super) links: Vec<(String, String)>,
    pub(super) failed: bool,
    attributes: Vec<(String, String)>,
}

impl OtlpReceiver {
    pub(super) async fn start() -> Self {
        let server = MockHttpServer::start(|_| Response::status(200)).await;
        Self { server }
    }

    /// The settings of programs that send their spans when they stop, and so all at once.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let credential = CREDENTIAL.replace(' ', "%20");
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.server.url("")),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                format!("authorization={credential},x-tenant=team%2C7"),
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=tests".to_owned(),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000".to_owned()),
        ]
    }

    /// An installation whose programs send their spans here, with more settings.
    pub(super) async fn world(&self, more: &[(&str, &str)]) -> World {
        let settings = self.settings();
        let own = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        World::with(&settings).await
    }

    /// The spans that have arrived, in the order of their starts.
    pub(super) fn spans(&self) -> Vec<ReceivedSpan> {
        let mut spans: Vec<(u64, ReceivedSpan)> =
            self.server.requests().iter().flat_map(read).collect();
        spans.sort_by_key(|(start, _)| *start);
        spans.into_iter().map(|(_, span)| span).collect()
    }
}

impl ReceivedSpan {
    /// The value of an attribute, or an empty text.
    pub(super) fn attribute(&self, name: &str) -> &str {
        let mut found = self.attributes.iter().filter(|(its, _)| its == name);
        found.next().map_or("", |(_, value)| value)
    }

    /// Everything that it says, for a search.
    pub(super) fn text(&self) -> String {
        format!("{self:?}")
    }
}

fn read(request: &Received) -> Vec<(u64, ReceivedSpan)> {
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/traces")
    );
    assert_eq!(request.header("content-type"), "application/x-protobuf");
    assert_eq!(request.header("authorization"), CREDENTIAL);
    assert_eq!(request.header("x-tenant"), "team,7");
    let body = ExportTraceServiceRequest::decode(request.body.as_slice()).expect("OTLP");
    let mut spans = Vec::new();
    for resource in body.resource_spans {
        let attributes = resource.resource.unwrap_or_default().attributes;
        let attributes = pairs(&attributes);
        let of = |name: &str| {
            let mut found = attributes.iter().filter(|(its, _)| its == name);
            found
                .next()
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        assert_eq!(of("deployment.environment.name"), "tests");
        for scope in resource.scope_spans {
            assert_eq!(scope.schema_url, "https://opentelemetry.io/schemas/1.42.0");
            for span in scope.spans {
                let links = span.links.iter();
                let received = ReceivedSpan {
                    service: of("service.name"),
                    kind: span.kind(),
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    links: links
                        .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
                        .collect(),
                    failed: span
                        .status
                        .as_ref()
                        .is_some_and(|status| status.code() == StatusCode::Error),
                    attributes: pairs(&span.attributes),
                    state: span.trace_state,
                    name: span.name,
                };
                spans.push((span.start_time_unix_nano, received));
            }
        }
    }
    spans
}

fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |one: &KeyValue| {
        let value = one.value.as_ref().map(text).unwrap_or_default();
        (one.key.clone(), value)
    };
    attributes.iter().map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
