//! What every call has in common: request id, caller, limits, one log line, and the one shape of errors.

mod end;
mod handle;
mod method;
mod request_body;
mod response_body;
mod trace;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use tidings_http::Reservation;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::accounts::ClientInfo;
use crate::auth::{Caller, authenticate};
use crate::client_info::of_headers;
use crate::error::ApiError;
use crate::grpc::status::{of_library, status};
use crate::request_id::{REQUEST_ID_NAME, RequestId};
use crate::shutdown::RequestGuard;
use crate::state::AppState;
pub use handle::{Calls, handle};
pub use method::{MAX_MESSAGE_BYTES, Method};
use trace::CallTrace;

/// A call. The extensions of its request contain it.
pub struct Call {
    pub method: &'static Method,
    pub request_id: String,
    pub state: Arc<AppState>,
    pub client: ClientInfo,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
    /// `None` if the method needs no caller, or the call has no valid credentials.
    caller: Option<Caller>,
    /// The bytes of messages that are received and not yet taken by [`Call::take_bytes`].
    bytes: Mutex<Reservation>,
    /// The error that the call has returned, for the log.
    failure: Mutex<Option<Failure>>,
    /// The trace that the call works for.
    trace: CallTrace,
    _in_flight: RequestGuard,
}

/// What the log says about an error.
#[derive(Clone)]
struct Failure {
    code: &'static str,
    cause: Option<Box<str>>,
}

impl Call {
    /// Reads the head of a request.
    ///
    /// # Errors
    ///
    /// Also returns 401 if the method needs a caller and the request does not name one, and 429 if the caller has sent too
    /// many requests.
    async fn new(
        head: &Parts,
        peer: Option<IpAddr>,
        state: &Arc<AppState>,
        stop: &CancellationToken,
    ) -> (Self, Result<(), ApiError>) {
        let values = |name| {
            let values = head.headers.get_all::<&str>(name).into_iter();
            values.map(http::HeaderValue::as_bytes).collect()
        };
        let own: Vec<&[u8]> = values(REQUEST_ID_NAME);
        let id = RequestId::or_new(own.first().copied());
        let RequestId(request_id) = id.clone();
        let method = Method::of(head.uri.path());
        let caller = if method.needs_caller {
            let (verifier, keys) = (&state.verifier, &state.api_keys);
            authenticate(verifier, keys, values, &request_id)
                .await
                .map(Some)
        } else {
            Ok(None)
        };
        let (caller, admitted) = match caller {
            Ok(Some(caller)) => {
                let counted = state.rate_limits.count_call(&caller);
                (Some(caller), counted)
            }
            Ok(None) => (None, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let call = Self {
            client: of_headers(peer, values, &state.trusted_proxies, id),
            method,
            request_id,
            caller,
            bytes: Mutex::new(state.request_bytes.reservation()),
            failure: Mutex::default(),
            trace: CallTrace::begin(method, values("traceparent"), values("tracestate")),
            _in_flight: state.in_flight.enter(),
            state: Arc::clone(state),
            stop: stop.clone(),
        };
        (call, admitted)
    }

    /// The call of a request that [`handle()`] has passed on.
    ///
    /// # Errors
    ///
    /// Returns INTERNAL for any other request.
    pub fn of<T>(request: &Request<T>) -> Result<Arc<Self>, Status> {
        let call = request.extensions().get::<Arc<Self>>();
        call.cloned()
            .ok_or_else(|| Status::internal("the request has no call"))
    }

    /// The caller of a method that needs one.
    ///
    /// # Errors
    ///
    /// Returns 500 if the method needs none.
    pub fn caller(&self) -> Result<&Caller, ApiError> {
        let caller = self.caller.as_ref();
        caller.ok_or_else(|| ApiError::internal("the method needs no caller"))
    }

    /// Turns the result of a handler into the answer of the call.
    pub fn answer<T>(&self, result: Result<T, ApiError>) -> Result<Response<T>, Status> {
        result
            .map(Response::new)
            .map_err(|error| self.refuse(&error))
    }

    /// The status of an error with which the call ends. The log shows it.
    pub fn refuse(&self, error: &ApiError) -> Status {
        let failure = Failure {
            code: error.code,
            cause: error.cause.clone(),
        };
        *lock(&self.failure) = Some(failure);
        self.trace.fail(error);
        status(error, &self.request_id)
    }

    /// Runs `work`, which sends notifications, for the trace of the call.
    pub fn in_trace<'a, F: Future + 'a>(
        &'a self,
        work: F,
    ) -> impl Future<Output = F::Output> + use<'a, F> {
        // Tens of kilobytes, which would else be a part of the future of the call several times.
        let work = Box::pin(work);
        async move { self.trace.scope(work).await }
    }

    /// Takes the bytes of the messages that have been received. They count towards `MAX_REQUEST_BYTES_IN_FLIGHT` until the
    /// value is dropped. Bytes that nobody takes count until the call ends.
    pub fn take_bytes(&self) -> Reservation {
        lock(&self.bytes).split_off()
    }
}

/// The status with which a stream ends because the messages of its client have ended with `status`.
pub fn of_stream(call: &Call, status: Status) -> Status {
    if status.details().is_empty() {
        call.refuse(&of_library(&status, call.method.max_message_bytes()))
    } else {
        status
    }
}

/// Locks a value that no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
