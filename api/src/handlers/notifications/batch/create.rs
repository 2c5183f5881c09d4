//! `POST /api/notifications/batch`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::outcome::{BatchError, BatchOutcome};
use super::prepared::PreparedBatch;
use super::response::BatchResponse;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody, ErrorDetail};
use crate::handlers::notifications::IDEMPOTENCY_KEY;
use crate::handlers::notifications::create::NewNotificationBody;
use crate::json_body::items;
use crate::rate_limit;
use crate::request_body::{check_media_type, read_body};
use crate::request_id::RequestId;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewBatch)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewBatchBody {
    /// 1 to 1000 notifications, each of at most `MAX_BODY_BYTES`.
    #[schema(min_items = 1, max_items = 1000)]
    notifications: Vec<NewBatchItem>,
}

/// A notification in a batch.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewBatchItem {
    #[serde(flatten)]
    notification: NewNotificationBody,
    /// Like the header `Idempotency-Key` of a single request. Notifications of the same caller with the
    /// same key are one notification, whether they are sent in batches or in single requests. One that differs is refused
    /// with `idempotency_key_reused`.
    #[schema(rename = "idempotencyKey", example = "order-17")]
    idempotency_key: Option<String>,
}

/// Accepts many notifications. Each is accepted or refused independently of the others.
#[utoipa::path(post, path = "/api/notifications/batch", operation_id = "createNotifications", tag = "notifications",
    request_body = NewBatchBody,
    responses(
        (status = 202, description = "All notifications are stored", body = BatchOutcome),
        (status = 207, description = "Some notifications are stored. `results` says which, and which of the others can be retried", body = BatchOutcome),
        (status = 400, description = "`no_item_accepted`: every item is wrong, and `results` says why; any other code: the batch as a whole is wrong, and no item was examined", body = BatchError),
        (status = 401, description = "The token is missing or invalid", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 413, description = "The body is larger than `MAX_BATCH_BODY_BYTES`", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        (status = 503, description = "No notification is accepted, and some can be retried after `Retry-After` seconds", body = BatchError),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    RequestId(request_id): RequestId,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    check_media_type(&request)?;
    reject_key(&request)?;
    let body = read_body(&request, payload, state.http.max_batch_body_bytes).await?;
    let items = items(&body, "notifications")?;
    rate_limit::count_items(&request, items.len());
    let batch = PreparedBatch::new(items, &state, &caller, &request_id).await;
    // The messages hold copies of all that they need.
    drop(body);
    let response = BatchResponse::new(batch.store(&state, &caller, &request_id).await);
    response.log(&request_id);
    Ok(response.into_http(request_id))
}

/// Rejects the header `Idempotency-Key`. One key cannot identify many notifications, and ignoring the key
/// would create duplicates when the client retries.
fn reject_key(request: &HttpRequest) -> Result<(), ApiError> {
    if !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "invalid_idempotency_key",
        "A batch takes no Idempotency-Key: give each notification in it an idempotencyKey of its own",
        vec![ErrorDetail::new(
            "Idempotency-Key",
            "is not taken for a batch: use each notification's idempotencyKey",
        )],
    ))
}
