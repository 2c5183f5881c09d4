//! Traces of OpenTelemetry: spans, which a collector gets by OTLP over HTTP, and the trace that the current task works for.
//!
//! Spans are made by the API of OpenTelemetry, and not from the spans of `tracing`, which are for log lines: `LOG_LEVEL` must not
//! decide what is traced, and a notification that is not recorded must cost nothing. Without a collector, [`Span`]s are empty;
//! the contexts of callers are passed on all the same.

mod collector;
mod convert;
mod current;
mod export;
mod sampler;
pub mod semconv;
mod span;

pub use current::{current, scope};
pub use export::{flush, start};
pub use opentelemetry::KeyValue;
pub use span::{Kind, Span};

#[cfg(test)]
mod tests;
