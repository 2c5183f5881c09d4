//! `POST /api/notifications/batch`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::answer::Answer;
use super::body::items;
use super::offer::Offer;
use super::results::{Outcome, RefusedBatch};
use crate::auth::Caller;
use crate::context::RequestId;
use crate::error::{ApiError, Detail, ErrorBody};
use crate::handlers::notifications::create::NewNotificationBody;
use crate::receive::{check_media_type, read_body};
use crate::state::AppState;

/// The body of a request.
#[derive(ToSchema)]
#[schema(as = NewBatch)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what `items` reads"
)]
pub struct NewBatchBody {
    /// 1 to 1000 of them, each of at most `MAX_BODY_BYTES`.
    #[schema(min_items = 1, max_items = 1000)]
    notifications: Vec<NewBatchItem>,
}

/// A notification in a batch.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what `Item` parses"
)]
pub struct NewBatchItem {
    #[serde(flatten)]
    notification: NewNotificationBody,
    /// As the header `Idempotency-Key` of a request of its own: what the same caller sends again under
    /// the same key, in whichever way, is the same notification.
    #[schema(rename = "idempotencyKey", example = "order-17")]
    idempotency_key: Option<String>,
}

/// Takes many notifications, each for itself: what is wrong with one harms no other.
#[utoipa::path(post, path = "/api/notifications/batch", operation_id = "createNotifications", tag = "notifications",
    request_body = NewBatchBody,
    responses(
        (status = 202, description = "All are safe with the broker", body = Outcome),
        (status = 207, description = "Some are safe with the broker; `results` tells which, and which of the others to send again", body = Outcome),
        (status = 400, description = "`no_item_accepted`: something is wrong with every item, and `results` tells what; any other code: the batch as a whole is wrong, and was not looked into", body = RefusedBatch),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 413, description = "The body is larger than `MAX_BATCH_BODY_BYTES`", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        (status = 503, description = "None is accepted, and not only because something is wrong with them: try again after `Retry-After`", body = RefusedBatch),
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
    refuse_key(&request)?;
    let body = read_body(&request, payload, state.http.max_batch_body_bytes).await?;
    let offer = Offer::of(items(&body)?, &state, &caller, &request_id).await;
    // The messages hold what is needed of it.
    drop(body);
    let answer = Answer::of(offer.publish(&state).await);
    answer.log(&request_id);
    Ok(answer.response(request_id))
}

/// One key cannot name many notifications; to ignore it would double them when they are sent again.
fn refuse_key(request: &HttpRequest) -> Result<(), ApiError> {
    if !request.headers().contains_key("idempotency-key") {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "invalid_idempotency_key",
        "A batch takes no Idempotency-Key: give each notification in it an idempotencyKey of its own",
        vec![Detail::new(
            "Idempotency-Key",
            "is not taken for a batch: use each notification's idempotencyKey",
        )],
    ))
}
