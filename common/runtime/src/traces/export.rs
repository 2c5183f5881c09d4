use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use secrecy::ExposeSecret;
use tidings_settings::TraceSettings;
use tokio::runtime::Handle;

use super::collector::CollectorClient;
use super::sampler::LinkSampler;
use super::semconv;

/// How long the end of a program may wait for the collector.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum number of spans that wait for the collector. Further ones are dropped: nothing waits for a collector.
const MAX_WAITING: usize = 8192;

/// Maximum number of spans in a request to the collector.
const MAX_BATCH: usize = 512;

/// Maximum number of links of a span: as many as a batch has messages.
const MAX_LINKS: u32 = 1024;

/// What makes spans, if they are sent.
pub(super) static EXPORT: OnceLock<Export> = OnceLock::new();

/// What makes spans and sends them.
pub(super) struct Export {
    pub(super) tracer: SdkTracer,
    provider: SdkTracerProvider,
    /// Whether the flag of a caller decides whether a trace is recorded.
    pub(super) is_parent_based: bool,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sends the spans of the program `service` from now on, on the current runtime. If that is impossible, the program runs
/// without: it logs why.
pub fn start(settings: &TraceSettings, service: &'static str) {
    match Export::new(settings, service) {
        Ok(export) => {
            let is_first = EXPORT.set(export).is_ok();
            debug_assert!(is_first, "started twice");
            tracing::info!(
                collector = settings.endpoint.host_str(),
                sampler = ?settings.sampler,
                ratio = settings.ratio,
                "spans are sent to a collector"
            );
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "no spans are sent");
        }
    }
}

impl Export {
    fn new(settings: &TraceSettings, service: &'static str) -> Result<Self, StartError> {
        let client = CollectorClient::new(settings.timeout, Handle::current())?;
        let headers: HashMap<String, String> = settings
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), escaped(value.expose_secret())))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_headers(headers)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(settings.endpoint.as_str())
            .with_timeout(settings.timeout)
            .build()?;
        // Variables of the specification for the batches (OTEL_BSP_…) count more than these.
        let batches = BatchConfigBuilder::default();
        let batches = if std::env::var_os("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
            batches.with_max_queue_size(MAX_WAITING)
        } else {
            batches
        };
        let batches = if std::env::var_os("OTEL_BSP_MAX_EXPORT_BATCH_SIZE").is_none() {
            batches.with_max_export_batch_size(MAX_BATCH)
        } else {
            batches
        };
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batches.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(LinkSampler::new(settings))
            .with_max_links_per_span(MAX_LINKS)
            .with_resource(resource(settings, service))
            .build();
        let scope = InstrumentationScope::builder("tidings")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(semconv::SCHEMA_URL)
            .build();
        Ok(Self {
            tracer: provider.tracer_with_scope(scope),
            provider,
            is_parent_based: settings.sampler.is_parent_based(),
        })
    }
}

/// The exporter decodes percent-encoding.
fn escaped(value: &str) -> String {
    value.replace('%', "%25")
}

/// The attributes of the program.
fn resource(settings: &TraceSettings, service: &'static str) -> Resource {
    let given = settings.resource_attributes.iter();
    let given = given.map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let name = settings.service_name.clone();
    // Of two attributes with the same name, the later one counts.
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new(semconv::SERVICE_NAME, service),
            KeyValue::new(semconv::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            KeyValue::new("telemetry.sdk.language", "rust"),
            KeyValue::new("telemetry.sdk.name", "opentelemetry"),
        ])
        .with_attributes(given)
        .with_attributes(name.map(|name| KeyValue::new(semconv::SERVICE_NAME, name)))
        .build()
}

/// Sends the spans that wait, for at most three seconds. For the end of the program.
pub async fn flush() {
    let Some(export) = EXPORT.get() else {
        return;
    };
    let provider = export.provider.clone();
    let flushing =
        tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT));
    // The collector's failure is logged already.
    let _ = tokio::time::timeout(FLUSH_TIMEOUT, flushing).await;
}
