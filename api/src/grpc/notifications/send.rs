//! `Send`.

use tidings_proto::tidings_v1::{NewNotification as Message, SendRequest, SendResponse};
use tidings_requests::NewNotification;
use tonic::Request;
use tonic::metadata::MetadataMap;

use super::{json, result};
use crate::error::{ApiError, ErrorDetail};
use crate::grpc::call::Call;
use crate::handlers::notifications::IDEMPOTENCY_KEY;
use crate::handlers::notifications::accept::{self, Accepted};
use crate::handlers::notifications::create::invalid_idempotency_key;

pub async fn handle(call: &Call, request: Request<SendRequest>) -> Result<SendResponse, ApiError> {
    reject_key(request.metadata())?;
    let message = request.into_inner().notification.unwrap_or_default();
    let accepted = accept(call, message).await?;
    Ok(SendResponse {
        accepted: Some(result::accepted(accepted.message_id, accepted.replayed)),
    })
}

/// Accepts a notification like `POST /api/notifications`.
///
/// # Errors
///
/// Returns why it is not accepted.
pub async fn accept(call: &Call, message: Message) -> Result<Accepted, ApiError> {
    let accepted = call.in_trace(accept_uncounted(call, message)).await;
    accepted.inspect_err(accept::count_not_accepted)
}

async fn accept_uncounted(call: &Call, message: Message) -> Result<Accepted, ApiError> {
    let key = message.idempotency_key.as_deref().map(str::parse);
    let key = key
        .transpose()
        .map_err(|_| invalid_idempotency_key("idempotencyKey"))?;
    let json = json::notification(&message)?;
    drop(message);
    let (state, limit) = (&call.state, call.state.http.max_body_bytes);
    if json.len() > limit {
        return Err(ApiError::payload_too_large("The notification", limit));
    }
    let new = NewNotification::parse(&json)?;
    accept::accept(state, call.caller()?, new, key.as_ref(), &call.request_id).await
}

/// Rejects an idempotency key in the metadata. Ignoring it would create duplicates when the client retries.
pub fn reject_key(metadata: &MetadataMap) -> Result<(), ApiError> {
    let name = IDEMPOTENCY_KEY;
    if !metadata.contains_key(name.as_str()) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "invalid_idempotency_key",
        "The metadata take no idempotency-key: give each notification an idempotency_key of its own",
        vec![ErrorDetail::new(
            name.as_str(),
            "is not taken in the metadata: use the field idempotency_key of the notification",
        )],
    ))
}
