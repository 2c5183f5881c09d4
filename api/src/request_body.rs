//! Reads request bodies, with limits on size and time.

use std::ops::Deref;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;
use tidings_http::{Connection, Reservation};

use crate::error::ApiError;
use crate::json_body::BODY;
use crate::state::AppState;

/// How long a body may take to arrive. Well below `SHUTDOWN_TIMEOUT_SECS`, so that a slow client does not delay
/// the shutdown.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The most memory, in bytes, that is allocated before a body arrives: a client may announce more than it sends.
const MAX_RESERVED: usize = SMALL;

/// A body larger than this, in bytes, leaves a part of `MAX_REQUEST_BYTES_IN_FLIGHT` to smaller ones.
const SMALL: usize = 64 * 1024;

/// A request body. Its bytes count towards `MAX_REQUEST_BYTES_IN_FLIGHT` until it is dropped.
#[derive(Debug)]
pub struct RequestBody {
    bytes: BytesMut,
    reservation: Reservation,
}

impl RequestBody {
    /// Appends bytes of at most `limit` in all.
    fn append(&mut self, bytes: &[u8], limit: usize) -> Result<(), ApiError> {
        let length = self.bytes.len() + bytes.len();
        if length > limit {
            return Err(ApiError::payload_too_large(BODY, limit));
        }
        let fits = if length > SMALL {
            self.reservation.grow_large(bytes.len())
        } else {
            self.reservation.grow(bytes.len())
        };
        if !fits {
            return Err(ApiError::overloaded());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Deref for RequestBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

const JSON: &str = "application/json";

const FORM: &str = "application/x-www-form-urlencoded";

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// U+FEFF in UTF-16, in both byte orders.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Reads a JSON body of at most `MAX_BODY_BYTES`.
///
/// # Errors
///
/// Returns 415 if the body is not JSON, 413 if it is too large, 408 if it arrives too slowly, 400 if the
/// connection breaks, and 503 if too many bytes are in flight.
pub async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<RequestBody, ApiError> {
    check_media_type(request)?;
    read_body(request, payload, state.http.max_body_bytes).await
}

/// Reads a form, which takes up to three bytes for each byte of its text, of at most `MAX_BODY_BYTES`.
///
/// # Errors
///
/// Returns 415 if the body is not a form, and otherwise like [`read_json`].
pub async fn read_form(
    request: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<RequestBody, ApiError> {
    check_type(
        request,
        FORM,
        "Send a form: Content-Type: application/x-www-form-urlencoded",
    )?;
    read_body(
        request,
        payload,
        state.http.max_body_bytes.saturating_mul(3),
    )
    .await
}

/// Reads a body that does not matter, and keeps nothing of it: a client that still sends may not see an answer. Gives up
/// after `limit` bytes.
pub async fn discard_body(request: &HttpRequest, mut payload: Payload, limit: usize) {
    let discarding = async {
        let mut length = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            length += chunk.len();
            if length > limit {
                break;
            }
        }
    };
    let _ = within_timeout(request, discarding).await;
}

/// Waits for what reads a body; `None` if the body arrives too slowly.
async fn within_timeout<T>(request: &HttpRequest, reading: impl Future<Output = T>) -> Option<T> {
    let connection = Connection::of(request);
    if let Some(connection) = &connection {
        connection.begin_body();
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, reading).await;
    if let Some(connection) = &connection {
        connection.end_body();
    }
    read.ok()
}

/// Returns 415 unless the headers announce JSON without a content encoding.
pub fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    check_type(request, JSON, "Send JSON: Content-Type: application/json")
}

fn check_type(request: &HttpRequest, expected: &str, message: &str) -> Result<(), ApiError> {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let media_type = text(CONTENT_TYPE)
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !media_type.eq_ignore_ascii_case(expected) {
        return Err(ApiError::unsupported_media_type(message));
    }
    if text(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(ApiError::unsupported_media_type(
            "Send the body without Content-Encoding",
        ));
    }
    Ok(())
}

/// Reads a body of at most `limit` bytes, and leaves out a byte order mark at its start.
pub async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<RequestBody, ApiError> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let announced = announced
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    if announced > limit {
        return Err(ApiError::payload_too_large(BODY, limit));
    }
    let mut body = RequestBody {
        bytes: BytesMut::with_capacity(announced.min(MAX_RESERVED)),
        reservation: AppState::of(request).request_bytes.reservation(),
    };
    let reading = async {
        while let Some(chunk) = payload.next().await {
            let unreadable = |error| {
                ApiError::bad_request(
                    "invalid_request",
                    format!("The body cannot be read: {error}"),
                    Vec::new(),
                )
            };
            body.append(&chunk.map_err(unreadable)?, limit)?;
        }
        Ok::<_, ApiError>(())
    };
    within_timeout(request, reading)
        .await
        .ok_or_else(ApiError::request_timeout)??;
    // A parser may ignore a byte order mark, and some clients always send one (RFC 8259 §8.1).
    if body.bytes.starts_with(BYTE_ORDER_MARK) {
        let _ = body.bytes.split_to(BYTE_ORDER_MARK.len());
    }
    if UTF_16.iter().any(|mark| body.bytes.starts_with(mark)) {
        let message = "The body must be in UTF-8, not in UTF-16";
        return Err(ApiError::bad_request("invalid_json", message, Vec::new()));
    }
    Ok(body)
}
