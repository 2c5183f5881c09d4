//! Accepts a notification: the steps shared by single requests, batches and pings.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use jiff::{Timestamp, Unit};
use metrics::counter;
use serde::Serialize;
use tidings_domain::notification::{Channel, IdempotencyKey, MessageId, Notification};
use utoipa::ToSchema;

use super::new_notification::NewNotification;
use super::preconditions;
use crate::acceptance::StoredBy;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The response once a notification is stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedResponse {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// Always `queued`.
    #[schema(example = "queued")]
    status: &'static str,
    /// A description for people.
    message: &'static str,
}

/// Checks whether the caller may send a new notification now, and creates it. Its message id is derived from
/// the idempotency key, if there is one.
///
/// # Errors
///
/// Returns 403 if the caller may not send the notification, 400 if its channel is not configured or its URL
/// is not allowed or its times are wrong, and 503 if too many messages are queued.
pub fn create_notification(
    state: &AppState,
    caller: &Caller,
    new: NewNotification<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Notification, ApiError> {
    caller.check_send(new.user_id)?;
    preconditions::check_channel(state, new.channel)?;
    if new.addresses.chosen_by_client {
        caller.check_address_choice()?;
    }
    if new.template.is_some() {
        caller.check_template_use()?;
    }
    if let Some(url) = &new.addresses.webhook_url {
        preconditions::check_url(state, url)?;
    }
    preconditions::check_depth(state, new.channel)?;
    let accepted_at = now();
    Ok(Notification {
        window: new
            .times
            .window(accepted_at, state.http.schedule_max_days)?,
        message_id: key.map_or_else(MessageId::generate, |key| {
            MessageId::for_key(caller.key_namespace(), key)
        }),
        user_id: new.user_id,
        channel: new.channel,
        accepted_at,
        payload: new.payload.to_owned(),
        template: new.template,
        sender: Some(caller.sender()),
        group: new.times.group,
    })
}

/// Stores a notification and returns 202.
///
/// # Errors
///
/// Returns 503 if neither the broker nor the database stores it in time.
pub async fn accept(
    state: &AppState,
    notification: &Notification,
    request_id: &str,
) -> Result<HttpResponse, ApiError> {
    let message = state.message_factory.intake(notification, request_id);
    let by = state.acceptance.store(notification, message).await?;
    count_accepted(notification.channel, by, 1);
    tracing::debug!(
        request_id,
        message_id = %notification.message_id,
        user_id = %notification.user_id,
        r#type = notification.channel.as_str(),
        "notification accepted"
    );
    let location = format!("/api/notifications/{}", notification.message_id);
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, location))
        .json(AcceptedResponse {
            message_id: notification.message_id,
            status: "queued",
            message: "Notification accepted for processing",
        }))
}

/// Adds to the metric of accepted notifications.
pub fn count_accepted(channel: Channel, by: StoredBy, times: u64) {
    counter!("tidings_notifications_accepted_total", "type" => channel.as_str(), "by" => by.as_str())
        .increment(times);
}

/// The current time, rounded to the precision of PostgreSQL's `timestamptz`, so that reading the value back
/// returns the value that was written.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Microsecond).unwrap_or(now)
}
