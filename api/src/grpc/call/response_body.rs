use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use super::end::CallEnd;
use crate::error::ApiError;

/// The response of a call, which ends with it.
pub struct ResponseBody {
    body: tonic::body::Body,
    end: CallEnd,
    has_panicked: bool,
}

impl ResponseBody {
    pub const fn new(body: tonic::body::Body, end: CallEnd) -> Self {
        Self {
            body,
            end,
            has_panicked: false,
        }
    }

    /// The last frame, after a panic of the method.
    fn panicked(&mut self) -> Frame<Bytes> {
        self.has_panicked = true;
        let error = ApiError::internal("the handler panicked");
        let status = self.end.call().refuse(&error);
        self.end.set_code(status.code());
        let mut trailers = HeaderMap::new();
        // Fails only if a text of ours cannot be a header.
        let _ = status.add_header(&mut trailers);
        Frame::trailers(trailers)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.has_panicked {
            return Poll::Ready(None);
        }
        let polled = AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx));
        let Ok(polled) = std::panic::catch_unwind(polled) else {
            return Poll::Ready(Some(Ok(this.panicked())));
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
            && let Some(status) = Status::from_header_map(trailers)
        {
            this.end.set_code(status.code());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.has_panicked || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
