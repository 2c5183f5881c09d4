use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use tidings_domain::trace::TraceContext;

use super::convert::{from_library, to_library};

/// The trace that the current task works for, if there is one.
#[must_use]
pub fn current() -> Option<TraceContext> {
    Context::map_current(|context| {
        if context.has_active_span() {
            from_library(context.span().span_context())
        } else {
            None
        }
    })
}

/// Runs `work` for a trace: meanwhile, [`current`] returns it.
pub async fn scope<F: Future>(trace: Option<&TraceContext>, work: F) -> F::Output {
    let Some(trace) = trace else {
        return work.await;
    };
    let context = Context::new().with_remote_span_context(to_library(trace));
    work.with_context(context).await
}
