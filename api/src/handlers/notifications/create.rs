//! `POST /api/notifications`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::notification::IdempotencyKey;
use utoipa::ToSchema;

use super::acceptance::{Accepted, accept, admit};
use super::body::NewNotification;
use super::view::TemplateView;
use crate::auth::Caller;
use crate::context::RequestId;
use crate::error::{ApiError, Detail};
use crate::receive::{check_media_type, read_body};
use crate::state::AppState;

/// The body of a request.
#[derive(ToSchema)]
#[schema(as = NewNotification)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what `NewNotification` parses"
)]
pub struct NewNotificationBody {
    /// The user whom the notification is for.
    #[schema(
        rename = "targetUserId",
        example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
    )]
    target_user_id: uuid::Uuid,
    /// How it reaches them: `in-app`, `email`, `sms`, `push` or `webhook`.
    #[schema(example = "in-app")]
    r#type: String,
    /// What it says: anything in-app; by email `{to?, subject, text, html?, from?, replyTo?,
    /// unsubscribeUrl?}`, by sms `{to?, text}`, by push `{to?, title, body, data?}`, by webhook
    /// `{to?, endpointId?, event, data}`. Without `to` it goes to the user's own contacts. With a
    /// template these are its variables, and addresses beside them.
    #[schema(value_type = Object, example = json!({"title": "Your order has shipped!"}))]
    payload: (),
    /// What says what it says, by email, sms and push.
    template: Option<TemplateView>,
}

/// Takes a notification: 202 once the broker has it safely on disk.
#[utoipa::path(post, path = "/api/notifications", operation_id = "createNotification", tag = "notifications",
    request_body = NewNotificationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: what the same caller sends again under the same key is the same notification")),
    responses(
        (status = 202, description = "Safe with the broker", body = Accepted, headers(("Location", description = "Where the notification can be read once it is recorded"))),
        (status = 400, description = "What is wrong stands in `details`, all of it", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "Not taken: try again after `Retry-After`", body = crate::error::ErrorBody),
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
    let key = idempotency_key(&request)?;
    let body = read_body(&request, payload, state.http.max_body_bytes).await?;
    let new = NewNotification::parse(&body)?;
    let notification = admit(&state, &caller, new, key.as_ref())?;
    accept(&state, &notification, &request_id).await
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all("idempotency-key");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(|text| text.parse().ok());
    if key.is_none() || values.next().is_some() {
        let message = "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters, quoted or not";
        let details = vec![Detail::new(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters, quoted or not",
        )];
        return Err(ApiError::bad_request(
            "invalid_idempotency_key",
            message,
            details,
        ));
    }
    Ok(key)
}
