//! `POST /api/notifications`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_domain::notification::IdempotencyKey;
use tidings_requests::NewNotification;
use utoipa::ToSchema;

use super::IDEMPOTENCY_KEY;
use super::accept::{Accepted, AcceptedResponse, accept, count_not_accepted};
use super::view::NotificationTemplate;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::request_body::{check_media_type, read_body};
use crate::request_id::RequestId;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewNotification)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewNotificationBody {
    /// The user that the notification is for. May be left out if `payload` has `to`, and the token has the scope
    /// `notifications:send:any`: then the recipient need not be a user. Not for in-app.
    #[schema(
        rename = "targetUserId",
        required = false,
        example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
    )]
    target_user_id: uuid::Uuid,
    /// The channel: `in-app`, `email`, `sms`, `push` or `webhook`.
    #[schema(example = "in-app")]
    r#type: String,
    /// The content. In-app: any object; email: `{to?, subject, text, html?, from?, replyTo?,
    /// unsubscribeUrl?}`, sms: `{to?, text}`, push: `{to?, title, body, data?}`, webhook:
    /// `{to?, endpointId?, event, data}`. Without `to` the message goes to the user's own
    /// contacts. With a template: the variables, and the addresses.
    #[schema(value_type = Object, example = json!({"title": "Your order has shipped!"}))]
    payload: (),
    /// The template that renders the message (email, sms and push only).
    template: Option<NotificationTemplate>,
    /// When it is sent, at most `SCHEDULE_MAX_DAYS` ahead. A time in the past means at once.
    #[schema(rename = "sendAt")]
    send_at: Option<SendAtBody>,
    /// No send begins at this time or later. Not together with `ttlSecs`.
    #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
    /// Seconds after `sendAt`, or after now, until it expires.
    #[schema(rename = "ttlSecs", minimum = 1, maximum = 31_622_400, example = 3600)]
    ttl_secs: Option<u32>,
    /// A group that its sender can cancel as a whole: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255, example = "order-1842")]
    group: Option<String>,
    /// Whether the payload is secret: it is never shown, and is erased once the notification has been sent or has ended
    /// otherwise. The payload of an in-app notification is shown to its user only, until it expires.
    #[schema(default = false)]
    sensitive: Option<bool>,
    /// The category, by which the recipient chooses what to receive.
    #[schema(min_length = 1, max_length = 64, example = "order-updates")]
    category: Option<String>,
    /// Collects it to a digest apart from others of its category. Only with `category` and `targetUserId`, without a
    /// recipient in `payload`, and not for in-app.
    digest: Option<DigestRefBody>,
}

/// A digest: several notifications in one message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DigestRef)]
pub struct DigestRefBody {
    /// Notifications with the same key are collected together: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255, example = "document-1842")]
    pub key: String,
}

/// When a notification is sent.
#[derive(ToSchema)]
#[schema(as = SendAt)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub enum SendAtBody {
    /// An instant (RFC 3339, with offset).
    #[schema(value_type = String, format = DateTime, example = "2027-03-28T09:00:00+02:00")]
    Instant(String),
    /// A local time. One that the clock skips is the first instant after it, one that occurs twice is the first.
    Local {
        /// Without an offset.
        #[schema(example = "2027-03-28T09:00")]
        local: String,
        /// A name of the IANA time zone database.
        #[schema(example = "Europe/Berlin")]
        timezone: String,
    },
}

/// Accepts a notification. Returns 202 once it is stored on disk.
#[utoipa::path(post, path = "/api/notifications", operation_id = "createNotification", tag = "notifications",
    request_body = NewNotificationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters. Requests of the same caller with the same key create one notification, for as long as its row exists")),
    responses(
        (status = 202, description = "The notification is stored", body = AcceptedResponse, headers(
            ("Location", description = "URL of the notification, which can be read once it is recorded"),
            ("Idempotency-Replayed", description = "`true` if an earlier request with the same key has created the notification; otherwise absent"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
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
    accepted
        .map(Accepted::into_http)
        .inspect_err(count_not_accepted)
}

async fn create(
    request: &HttpRequest,
    state: &AppState,
    caller: &Caller,
    request_id: &str,
    payload: Payload,
) -> Result<Accepted, ApiError> {
    check_media_type(request)?;
    let key = idempotency_key(request)?;
    let body = read_body(request, payload, state.http.max_body_bytes).await?;
    let new = NewNotification::parse(&body)?;
    accept(state, caller, new, key.as_ref(), request_id).await
}

/// Reads the header `Idempotency-Key`.
///
/// # Errors
///
/// Returns 400 if it is given twice or is invalid.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(|text| text.parse().ok());
    if key.is_none() || values.next().is_some() {
        return Err(invalid_idempotency_key("Idempotency-Key"));
    }
    Ok(key)
}

/// The error for an invalid idempotency key. `field` is where it was given.
pub fn invalid_idempotency_key(field: &str) -> ApiError {
    let message =
        format!("{field} must be given once, as 1 to 255 visible ASCII characters, quoted or not");
    let details = vec![ErrorDetail::new(
        field,
        "must be 1 to 255 visible ASCII characters, quoted or not",
    )];
    ApiError::bad_request("invalid_idempotency_key", message, details)
}
