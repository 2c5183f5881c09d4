use std::sync::Arc;
use std::time::Instant;

use metrics::{counter, histogram};
use tonic::Code;

use super::{Call, lock};
use crate::grpc::server::RunningCall;

/// Logs and counts a call when it is dropped, which is when the call has ended, however it has ended.
pub struct CallEnd {
    call: Arc<Call>,
    start: Instant,
    /// `None` while there is no status. If the client goes away before that, the call was cancelled.
    code: Option<Code>,
    running: RunningCall,
}

impl CallEnd {
    pub fn new(call: Arc<Call>, running: RunningCall) -> Self {
        Self {
            call,
            start: Instant::now(),
            code: None,
            running,
        }
    }

    pub const fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// The server begins to write its response, which is complete unless the method is a stream.
    pub fn respond(&mut self) {
        if !self.call.method.is_stream {
            self.running.respond();
        }
    }

    pub fn set_code(&mut self, code: Code) {
        self.code = Some(code);
    }
}

impl Drop for CallEnd {
    fn drop(&mut self) {
        if self.code.is_none() {
            self.running.cancelled();
        }
        let call = &self.call;
        let status = self.code.unwrap_or(Code::Cancelled);
        let (method, grpc_status) = (call.method.name, name(status));
        let duration = self.start.elapsed();
        counter!("tidings_grpc_requests_total", "method" => method, "code" => grpc_status)
            .increment(1);
        histogram!("tidings_grpc_request_seconds").record(duration.as_secs_f64());

        let failure = lock(&call.failure).take();
        let (code, cause) =
            failure.map_or((None, None), |failure| (Some(failure.code), failure.cause));
        let (request_id, cause) = (call.request_id.as_str(), cause.as_deref());
        let caller = call.caller.as_ref().map(crate::auth::Caller::sender);
        let duration_ms = duration.as_secs_f64() * 1e3;
        macro_rules! log {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    request_id,
                    method,
                    grpc_status,
                    code,
                    duration_ms,
                    caller,
                    cause,
                    $message
                )
            };
        }
        match status {
            Code::Internal | Code::Unknown | Code::DataLoss => log!(error, "call failed"),
            Code::Unavailable => log!(warn, "call failed"),
            Code::Ok => log!(info, "call answered"),
            _ => log!(info, "call refused"),
        }
    }
}

/// The name of a status code in the gRPC specification.
pub const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
