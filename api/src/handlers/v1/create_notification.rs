//! `POST /api/v1/notifications`.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_domain::notification::MessageId;
use tidings_requests::NewNotification;
use utoipa::ToSchema;

use super::new_notification::{NewNotificationBody, translate};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::IDEMPOTENCY_REPLAYED;
use crate::handlers::notifications::accept::{Accepted, accept, count_not_accepted};
use crate::handlers::notifications::create::idempotency_key;
use crate::request_body::read_json;
use crate::request_id::RequestId;
use crate::state::AppState;

/// The response once a notification is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = V1AcceptedNotification)]
pub struct AcceptedNotification {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// Always `queued`.
    #[schema(example = "queued")]
    status: &'static str,
}

/// Accepts a notification, like `POST /api/notifications`.
#[utoipa::path(post, path = "/api/v1/notifications", operation_id = "v1CreateNotification", tag = "v1",
    request_body = NewNotificationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters. Requests of the same caller with the same key create one notification, for as long as its row exists")),
    responses(
        (status = 202, description = "The notification is stored", body = AcceptedNotification, headers(
            ("Location", description = "URL of the notification, which can be read once it is recorded"),
            ("Idempotency-Replayed", description = "`true` if an earlier request with the same key has created the notification; otherwise absent"))),
        (status = 400, description = "`details` lists everything that is wrong; `provider_not_configured`: the channel has another provider", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 422, description = "`idempotency_key_reused`: another notification was sent under this key", body = crate::error::ErrorBody),
        (status = 503, description = "Not accepted: retry after `Retry-After` seconds", body = crate::error::ErrorBody),
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
    let accepted = create(&request, &state, &caller, &request_id, payload).await;
    let accepted = accepted.inspect_err(count_not_accepted)?;
    let id = accepted.message_id;
    let mut response = HttpResponse::Accepted();
    response.insert_header((LOCATION, format!("/api/v1/notifications/{id}")));
    if accepted.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.json(AcceptedNotification {
        id,
        status: "queued",
    }))
}

async fn create(
    request: &HttpRequest,
    state: &Data<AppState>,
    caller: &Caller,
    request_id: &str,
    payload: Payload,
) -> Result<Accepted, ApiError> {
    let key = idempotency_key(request)?;
    let body = read_json(request, payload, state).await?;
    let translated = translate(&body, state.providers)?;
    let new = NewNotification::parse(translated.as_bytes())?;
    accept(state, caller, new, key.as_ref(), request_id).await
}
