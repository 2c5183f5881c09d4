use tidings_domain::trace::TraceContext;
use tidings_runtime::traces::{self, Span, semconv};

use super::Method;
use crate::error::ApiError;
use crate::server_span::caller;

/// The trace that a call works for: the context of its caller, and the span of the call. Only calls that send notifications have
/// one.
#[derive(Default)]
pub struct CallTrace {
    span: Span,
    caller: Option<TraceContext>,
}

impl CallTrace {
    /// Reads the metadata of a call, and begins its span, which ends with the call.
    pub fn begin(method: &'static Method, parents: Vec<&[u8]>, states: Vec<&[u8]>) -> Self {
        if !method.sends_notifications() {
            return Self::default();
        }
        let caller = caller(parents.into_iter(), states.into_iter());
        let span = Span::server(method.name, caller.as_ref());
        span.set(semconv::RPC_SYSTEM_NAME, "grpc");
        span.set(semconv::RPC_METHOD, method.name);
        Self { span, caller }
    }

    /// Runs `work` for the trace.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        if self.span.is_recorded() {
            self.span.scope(work).await
        } else {
            traces::scope(self.caller.as_ref(), work).await
        }
    }

    /// Says that the call has failed.
    pub fn fail(&self, error: &ApiError) {
        if error.status.is_server_error() {
            self.span.fail(error.code);
        } else {
            self.span.set(semconv::ERROR_TYPE, error.code);
        }
    }
}
