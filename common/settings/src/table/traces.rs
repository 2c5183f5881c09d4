use super::group;
use crate::{Setting, SettingKind};

group! {
    /// Spans of OpenTelemetry, sent to a collector by OTLP over HTTP (protobuf). The headers `traceparent` and `tracestate` of a
    /// request follow its notifications without these settings, too. The page Traces says which spans there are.
    "Traces"
    /// The URL of the collector; `/v1/traces` is appended. Spans are sent if it is set.
    OTEL_EXPORTER_OTLP_ENDPOINT: [Api Worker Tidings] = Setting::of(SettingKind::Url).example("http://localhost:4318");
    /// Headers of the requests to the collector, as `name=value`, separated by commas; values are percent-encoded. In
    /// production, only for a collector with an `https` URL or on this machine, unless `ALLOW_PLAINTEXT` contains `providers`.
    OTEL_EXPORTER_OTLP_HEADERS: [Api Worker Tidings] = Setting::of(SettingKind::Secret);
    /// How long a request to the collector may take, with its retries.
    OTEL_EXPORTER_OTLP_TIMEOUT: [Api Worker] = Setting::number(1, 60_000).default("10000").unit("ms");
    /// The name of the service in spans.
    OTEL_SERVICE_NAME: [Api Worker] = Setting::of(SettingKind::Text)
        .described("`service.name` in OTEL_RESOURCE_ATTRIBUTES, otherwise the name of the program: tidings-api or tidings-worker");
    /// Attributes of the service in spans, as `name=value`, separated by commas; values are percent-encoded.
    OTEL_RESOURCE_ATTRIBUTES: [Api Worker] = Setting::of(SettingKind::Text).example("deployment.environment.name=production");
    /// Which traces are recorded. `parentbased_…`: those that the caller records, by the flag in `traceparent`, and of those
    /// that begin here, a part.
    OTEL_TRACES_SAMPLER: [Api Worker] = Setting::choice(&[
        "parentbased_traceidratio", "parentbased_always_on", "parentbased_always_off", "traceidratio", "always_on", "always_off",
    ]).default("parentbased_traceidratio");
    /// The part of the traces that is recorded, between 0 and 1, for the samplers with a ratio.
    OTEL_TRACES_SAMPLER_ARG: [Api Worker] = Setting::of(SettingKind::Text).default("0.01");
    /// Whether no spans are sent, although a collector is set.
    OTEL_SDK_DISABLED: [Api Worker] = Setting::of(SettingKind::Flag).default("false");
    /// The URL of a trace in your tracing system, in which `{traceId}` stands for the id of the trace: 32 hexadecimal digits.
    /// Responses and the dashboard then have a link, for callers that may read the notifications of every user.
    TRACE_URL_TEMPLATE: [Api Tidings] = Setting::of(SettingKind::Text).example("https://traces.example.com/trace/{traceId}");
}
