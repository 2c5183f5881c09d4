use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::service::Routes;
use tonic::{Code, Status};

use super::Call;
use super::end::CallEnd;
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use crate::error::ApiError;
use crate::grpc::server::RunningCall;
use crate::grpc::status::of_library;
use crate::request_id::REQUEST_ID_NAME;
use crate::state::AppState;

/// How many streams of callers that need not authenticate may be open at once, on all connections.
const MAX_ANONYMOUS_STREAMS: usize = 256;

/// What calls need.
pub struct Calls {
    state: Arc<AppState>,
    routes: Routes,
    /// Cancelled when the server stops.
    stop: CancellationToken,
    anonymous_streams: Arc<Semaphore>,
}

impl Calls {
    pub fn new(state: Arc<AppState>, routes: Routes, stop: CancellationToken) -> Self {
        Self {
            state,
            routes: routes.prepare(),
            stop,
            anonymous_streams: Arc::new(Semaphore::new(MAX_ANONYMOUS_STREAMS)),
        }
    }
}

/// Answers a call.
///
/// # Errors
///
/// Never: every error is a response.
pub async fn handle(
    calls: Arc<Calls>,
    running: RunningCall,
    peer: Option<IpAddr>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (head, body) = request.into_parts();
    let (call, admitted) = Call::new(&head, peer, &calls.state, &calls.stop).await;
    let call = Arc::new(call);
    // Dropped with this future if the client goes away.
    let mut end = CallEnd::new(Arc::clone(&call), running);
    let mut response = match admitted {
        Ok(()) => {
            let routed = route(&calls, &call, Request::from_parts(head, body));
            let routed = AssertUnwindSafe(routed).catch_unwind().await;
            routed.unwrap_or_else(|_| refusal(&call, &ApiError::internal("the handler panicked")))
        }
        Err(error) => refusal(&call, &error),
    };
    if let Some(status) = Status::from_header_map(response.headers()) {
        end.set_code(status.code());
    }
    if let Ok(id) = HeaderValue::from_str(&call.request_id) {
        response.headers_mut().insert(REQUEST_ID_NAME, id);
    }
    end.respond();
    Ok(response.map(|body| ResponseBody::new(body, end)))
}

/// Calls the method, and replaces the errors of tonic.
async fn route(calls: &Calls, call: &Arc<Call>, request: Request<Incoming>) -> Response<Body> {
    let place = if call.method.is_anonymous_stream() {
        match Arc::clone(&calls.anonymous_streams).try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => return refusal(call, &ApiError::overloaded()),
        }
    } else {
        None
    };
    let mut request = request.map(|body| RequestBody::new(body, Arc::clone(call), place));
    request.extensions_mut().insert(Arc::clone(call));
    let mut routes = calls.routes.clone();
    let Ok(response) = routes.call(request).await;
    match Status::from_header_map(response.headers()) {
        // Our own errors have details.
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            let error = of_library(&status, call.method.max_message_bytes());
            refusal(call, &error)
        }
        _ => response,
    }
}

fn refusal(call: &Call, error: &ApiError) -> Response<Body> {
    call.refuse(error).into_http()
}
