use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::activity::Verdict;
use super::connections::Place;
use crate::grpc::call::{Calls, Method, handle};

/// How many calls a connection may have at once.
const MAX_STREAMS: u32 = 100;

/// How many bytes the headers of a call may have.
const MAX_HEADER_BYTES: u32 = 16 << 10;

/// How many bytes of responses are kept for a client that does not read them, for each stream.
const MAX_SEND_BYTES: usize = 64 << 10;

/// How many bytes a client may send before the server reads them: for each stream, and on the connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// How many streams a client may reset before the server has seen them, and how many streams the server may have to reset
/// because of errors of the client. Above it, the connection ends with `ENHANCE_YOUR_CALM` (CVE-2023-44487, CVE-2025-8671).
const MAX_PENDING_RESETS: usize = 20;
const MAX_ERROR_RESETS: usize = 100;

/// How often the server asks whether the client is alive, and how long it waits for the answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a closing connection may take to end its calls.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Serves a connection until the client closes it, a limit is reached, or `stop` is cancelled and its calls have ended.
pub async fn serve<S>(
    stream: S,
    peer: Option<IpAddr>,
    place: Place,
    calls: Arc<Calls>,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = place.activity();
    let service = service_fn(|request: Request<Incoming>| {
        let method = Method::of(request.uri().path());
        let running = activity.begin(method.needs_caller);
        handle(Arc::clone(&calls), running, peer, request)
    });
    let mut connection = pin!(builder().serve_connection(TokioIo::new(stream), service));
    let mut check = interval(CHECK_INTERVAL);
    let mut close_until = None;
    loop {
        let reason = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a gRPC connection has failed");
                }
                return;
            }
            () = stop.cancelled(), if close_until.is_none() => "stop",
            () = activity.evicted().cancelled(), if close_until.is_none() => {
                match activity.verdict() {
                    Verdict::AbortCancelling => return closed("cancelled_calls"),
                    _ => "evicted",
                }
            }
            () = sleep_until(close_until.unwrap_or_else(Instant::now)), if close_until.is_some() => {
                return closed("slow_close");
            }
            _ = check.tick() => match activity.verdict() {
                Verdict::AbortCancelling => return closed("cancelled_calls"),
                Verdict::AbortUnread => return closed("unread_response"),
                Verdict::CloseIdle if close_until.is_none() => "idle",
                Verdict::CloseIdle | Verdict::Keep => continue,
            },
        };
        closed(reason);
        // GOAWAY: the client sends its next call on another connection.
        connection.as_mut().graceful_shutdown();
        close_until = Some(Instant::now() + CLOSE_TIMEOUT);
    }
}

/// Counts a connection that the server closes.
fn closed(reason: &'static str) {
    counter!("tidings_grpc_connections_closed_total", "reason" => reason).increment(1);
    tracing::debug!(reason, "closing a gRPC connection");
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_send_buf_size(MAX_SEND_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
