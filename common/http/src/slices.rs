use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// The size of a slice, in bytes. The framework's buffer of a connection is as large.
const SLICE: usize = 32 << 10;

/// A long body that the framework gets in slices: it copies all that it gets into a buffer of the connection, which keeps
/// its size, although the client may read slowly or not at all.
#[derive(Debug)]
struct Slices(Bytes);

/// Returns a body that takes no more memory than its bytes while it is sent.
#[must_use]
pub fn sliced(body: BoxBody) -> BoxBody {
    match body.size() {
        BodySize::Sized(size) if size > SLICE as u64 => {}
        _ => return body,
    }
    match body.try_into_bytes() {
        // The memory that a growing text has reserved may be twice its size.
        Ok(bytes) => BoxBody::new(Slices(Bytes::copy_from_slice(&bytes))),
        Err(body) => body,
    }
}

// Without `try_into_bytes`: with it, the framework would take all bytes at once.
impl MessageBody for Slices {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let slice = self.0.len().min(SLICE);
        Poll::Ready(Some(Ok(self.0.split_to(slice))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_long_body_is_the_same_in_slices() {
        for length in [0, 1, SLICE, SLICE + 1, 5 * SLICE] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut body = sliced(BoxBody::new(bytes.clone()));
            assert_eq!(body.size(), BodySize::Sized(length as u64));
            let mut received = Vec::new();
            let next = |body: &mut BoxBody, cx: &mut Context<'_>| Pin::new(body).poll_next(cx);
            while let Some(slice) = std::future::poll_fn(|cx| next(&mut body, cx)).await {
                let slice = slice.expect("a slice");
                assert!(slice.len() <= SLICE);
                received.extend_from_slice(&slice);
            }
            assert_eq!(received, bytes);
        }
    }
}
