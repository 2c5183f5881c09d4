//! What every notification goes through before it is accepted, whichever request brought it.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use jiff::{Timestamp, Unit};
use metrics::counter;
use serde::Serialize;
use tidings_domain::notification::{Channel, IdempotencyKey, MessageId, Notification};
use utoipa::ToSchema;

use super::admission;
use super::body::NewNotification;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// What a client is told once its notification is safe.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Names the notification from now on.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// `queued`.
    #[schema(example = "queued")]
    status: &'static str,
    /// For people.
    message: &'static str,
}

/// Makes the notification that a caller asks for, with the message id that its key gives it.
///
/// # Errors
///
/// 403 where the caller may not send it, 400 where nobody would deliver it, 503 where too many wait.
pub fn admit(
    state: &AppState,
    caller: &Caller,
    new: NewNotification<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Notification, ApiError> {
    caller.check_send(new.user_id)?;
    admission::check_channel(state, new.channel)?;
    if new.addresses.chosen {
        caller.check_choice_of_addresses()?;
    }
    if let Some(url) = &new.addresses.webhook {
        admission::check_url(state, url)?;
    }
    admission::check_depth(state, new.channel)?;
    Ok(Notification {
        message_id: key.map_or_else(MessageId::generate, |key| {
            MessageId::for_key(caller.subject(), key)
        }),
        user_id: new.user_id,
        channel: new.channel,
        accepted_at: now(),
        payload: new.payload.to_owned(),
        template: new.template,
    })
}

/// Publishes a notification and answers 202.
///
/// # Errors
///
/// 503 where the broker does not confirm it.
pub async fn accept(
    state: &AppState,
    notification: &Notification,
    request_id: &str,
) -> Result<HttpResponse, ApiError> {
    state
        .publisher
        .publish(state.router.intake(notification, request_id))
        .await?;
    count(notification.channel, 1);
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
        .json(Accepted {
            message_id: notification.message_id,
            status: "queued",
            message: "Notification accepted for processing",
        }))
}

/// Counts notifications that the broker has confirmed.
pub fn count(channel: Channel, times: u64) {
    counter!("tidings_notifications_accepted_total", "type" => channel.as_str()).increment(times);
}

/// As precise as PostgreSQL's `timestamptz`, so that what is read back is what was written.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Microsecond).unwrap_or(now)
}
