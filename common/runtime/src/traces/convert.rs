//! Contexts as the library has them, and as the rest of the workspace has them.

use opentelemetry::trace::{SpanContext, TraceFlags};
use tidings_domain::trace::{SpanId, TraceContext, TraceId};

/// The context of a span of another process.
pub(super) fn to_library(context: &TraceContext) -> SpanContext {
    let state = context.state.as_ref();
    let state = state.and_then(|state| state.as_str().parse().ok());
    SpanContext::new(
        opentelemetry::trace::TraceId::from_bytes(context.trace_id.to_bytes()),
        opentelemetry::trace::SpanId::from_bytes(context.span_id.to_bytes()),
        TraceFlags::new(context.flags),
        true,
        state.unwrap_or_default(),
    )
}

/// The context of a span; `None` if it is invalid.
pub(super) fn from_library(context: &SpanContext) -> Option<TraceContext> {
    Some(TraceContext {
        trace_id: TraceId::from_bytes(context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(context.span_id().to_bytes())?,
        flags: context.trace_flags().to_u8(),
        state: context.trace_state().header().parse().ok(),
    })
}
