use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use super::{Call, lock};
use crate::error::ApiError;

/// How long a message may take to arrive. Well below `SHUTDOWN_TIMEOUT_SECS`.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stream may wait for its next message.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// A message larger than this, in bytes, leaves a part of `MAX_REQUEST_BYTES_IN_FLIGHT` to smaller ones.
const SMALL: usize = 64 * 1024;

/// The messages of a client, within the limits on bytes and time. Ends with an error when the server stops, if the method is
/// a stream.
pub struct RequestBody {
    body: Incoming,
    call: Arc<Call>,
    timer: Pin<Box<Sleep>>,
    last: Instant,
    /// `None` if the server waits for the message while it stops.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl RequestBody {
    pub fn new(body: Incoming, call: Arc<Call>, place: Option<OwnedSemaphorePermit>) -> Self {
        let is_stream = call.method.is_stream;
        let stop = is_stream.then(|| Box::pin(call.stop.clone().cancelled_owned()));
        Self {
            body,
            call,
            timer: Box::pin(sleep(MESSAGE_TIMEOUT)),
            last: Instant::now(),
            stop,
            _place: place,
        }
    }

    fn refuse(&self, error: &ApiError) -> Status {
        self.call.refuse(error)
    }

    /// Counts bytes towards `MAX_REQUEST_BYTES_IN_FLIGHT`.
    fn reserve(&self, bytes: usize) -> bool {
        let mut reservation = lock(&self.call.bytes);
        if reservation.bytes() + bytes > SMALL {
            reservation.grow_large(bytes)
        } else {
            reservation.grow(bytes)
        }
    }

    fn is_stopping(&mut self, cx: &mut Context<'_>) -> bool {
        let stop = self.stop.as_mut();
        stop.is_some_and(|stop| stop.as_mut().poll(cx).is_ready())
    }

    /// Whether the client has taken too long.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let is_between_messages =
                self.call.method.is_stream && lock(&self.call.bytes).bytes() == 0;
            if !is_between_messages || self.last.elapsed() >= STREAM_IDLE_TIMEOUT {
                return true;
            }
            self.timer.as_mut().reset(Instant::now() + MESSAGE_TIMEOUT);
        }
        false
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_stopping(cx) {
            return Poll::Ready(Some(Err(this.refuse(&shutting_down()))));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if this.call.method.is_stream {
                    this.last = Instant::now();
                    this.timer.as_mut().reset(this.last + MESSAGE_TIMEOUT);
                }
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if this.reserve(bytes) {
                    Poll::Ready(Some(Ok(frame)))
                } else {
                    Poll::Ready(Some(Err(this.refuse(&ApiError::overloaded()))))
                }
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(Status::from_error(Box::new(error)))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if this.is_late(cx) => {
                Poll::Ready(Some(Err(this.refuse(&ApiError::request_timeout()))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// 503: the server stops. What was acknowledged is stored.
pub fn shutting_down() -> ApiError {
    let message = "The server is stopping; send the rest to another one, or again in a moment";
    ApiError::unavailable("shutting_down", message, "a stop during a stream")
}
