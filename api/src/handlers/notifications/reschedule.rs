//! `PATCH /api/notifications/{messageId}`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::{self, RescheduleResult};
use tidings_domain::notification::Status;
use tidings_domain::time::SendAt;
use tidings_requests::NotificationTimes;
use utoipa::ToSchema;

use super::NotificationView;
use super::accept::now;
use super::create::SendAtBody;
use super::lookup::{NotificationLookup, parse_message_id};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::json_body::ObjectReader;
use crate::request_body::{check_media_type, read_body};
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NotificationChange)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NotificationChangeBody {
    /// The new time. A time in the past means now.
    #[schema(rename = "sendAt")]
    send_at: SendAtBody,
}

/// Gives a scheduled notification another time.
#[utoipa::path(patch, path = "/api/notifications/{messageId}", operation_id = "rescheduleNotification", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    request_body = NotificationChangeBody,
    responses(
        (status = 200, description = "The notification", body = NotificationView),
        (status = 400, description = "The id or the body is invalid, `send_at_too_far` or `expires_before_send`", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow sending notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another sender", body = crate::error::ErrorBody),
        (status = 409, description = "`not_scheduled`: the notification does not wait for its time", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let scope = caller.check_cancel()?;
    let id = parse_message_id(&id)?;
    check_media_type(&request)?;
    let body = read_body(&request, payload, state.http.max_body_bytes).await?;
    let times = NotificationTimes {
        send_at: Some(read_send_at(&body)?),
        ..NotificationTimes::default()
    };
    let window = times.window(now(), state.http.schedule_max_days)?;
    let (time, origin) = (window.not_before, &origin.0);
    match notifications::reschedule(&state.database, id, &scope, time, origin).await? {
        RescheduleResult::Rescheduled => {}
        RescheduleResult::NotFound => return Err(NotificationLookup::not_found()),
        RescheduleResult::ExpiresBefore => {
            let problem = "must be before expiresAt";
            let details = vec![ErrorDetail::new("sendAt", problem)];
            let message = format!("Invalid fields: sendAt: {problem}");
            return Err(ApiError::bad_request(
                "expires_before_send",
                message,
                details,
            ));
        }
        RescheduleResult::NotScheduled(status) => {
            let status = status.map_or("of another status", Status::as_str);
            let message = format!("The notification is {status}, not scheduled");
            return Err(ApiError::conflict("not_scheduled", message));
        }
    }
    let row = state
        .database
        .run(async |client| notifications::find(client, id, None).await)
        .await?;
    let row = row.ok_or_else(NotificationLookup::not_found)?;
    Ok(HttpResponse::Ok().json(NotificationView::new(row, &caller)?))
}

fn read_send_at(body: &[u8]) -> Result<SendAt, ApiError> {
    let mut reader = ObjectReader::parse(body, &["sendAt"], "notification")?;
    let value = reader.required("sendAt", Ok);
    let send_at = value.and_then(|value| reader.merge(SendAt::read(value, "sendAt")));
    reader.finish(send_at)
}
