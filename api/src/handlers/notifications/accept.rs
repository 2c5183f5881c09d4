//! Accepts a notification: the steps shared by single requests, batches and pings.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use jiff::{Timestamp, Unit};
use serde::Serialize;
use tidings_domain::notification::{Channel, Fingerprint, IdempotencyKey, MessageId, Notification};
use tidings_requests::NewNotification;
use tidings_runtime::statistics::events;
use tidings_runtime::traces;
use utoipa::ToSchema;

use super::{IDEMPOTENCY_REPLAYED, preconditions};
use crate::acceptance::{NotStored, StoredBy};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::idempotency::{Begun, KeyedRequest};
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

/// A notification that is accepted, now or before.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    pub message_id: MessageId,
    /// Whether an earlier request with the same idempotency key has created it.
    pub replayed: bool,
}

/// Accepts the notification of a request.
///
/// # Errors
///
/// Returns why it is not accepted.
pub async fn accept(
    state: &AppState,
    caller: &Caller,
    new: NewNotification<'_>,
    key: Option<&IdempotencyKey>,
    request_id: &str,
) -> Result<Accepted, ApiError> {
    check_caller(caller, &new)?;
    if let Some(key) = key {
        let keyed = keyed_request(caller, &new, key);
        let create = create_notification(state, caller, new, Some(&keyed));
        accept_keyed(state, caller, keyed, create, request_id).await
    } else {
        let notification = create_notification(state, caller, new, None).await?;
        Ok(store(state, &notification, request_id).await?)
    }
}

/// Checks whether the caller may send a new notification. Asked for every request, before anything is said about an earlier
/// one with the same idempotency key.
///
/// # Errors
///
/// Returns 403 if the caller may not send it.
pub fn check_caller(caller: &Caller, new: &NewNotification<'_>) -> Result<(), ApiError> {
    caller.check_send(new.user_id)?;
    if new.addresses.chosen_by_client {
        caller.check_address_choice()?;
    }
    if new.template.is_some() {
        caller.check_template_use()?;
    }
    Ok(())
}

/// The request of a notification with an idempotency key, from which its message id is derived.
pub fn keyed_request(
    caller: &Caller,
    new: &NewNotification<'_>,
    key: &IdempotencyKey,
) -> KeyedRequest {
    KeyedRequest {
        id: MessageId::for_key(caller.key_namespace(), key),
        fingerprint: Fingerprint::of(&new.given()),
    }
}

/// Checks whether a notification that the caller may send can be sent now, and creates it.
///
/// # Errors
///
/// Returns 400 if its channel is not configured, its URL is not allowed, its category does not exist or requires a URL to
/// unsubscribe, or its times are wrong,
/// and 503 if too many messages are queued.
pub async fn create_notification(
    state: &AppState,
    caller: &Caller,
    new: NewNotification<'_>,
    request: Option<&KeyedRequest>,
) -> Result<Notification, ApiError> {
    check_sendable(state, &new)?;
    let category = new.category.as_ref();
    preconditions::check_category(state, category).await?;
    let has_url = new.addresses.has_unsubscribe_url;
    preconditions::check_unsubscribe_url(state, new.channel, category, has_url)?;
    preconditions::check_depth(state, new.channel)?;
    let accepted_at = now();
    Ok(Notification {
        window: new
            .times
            .window(accepted_at, state.http.schedule_max_days)?,
        message_id: request.map_or_else(MessageId::generate, |request| request.id),
        user_id: new.user_id,
        channel: new.channel,
        accepted_at,
        payload: new.payload.to_owned(),
        template: new.template,
        sender: Some(caller.sender()),
        group: new.times.group,
        fingerprint: request.map(|request| request.fingerprint),
        sensitive: new.sensitive,
        category: new.category,
        digest_key: new.digest_key,
        trace: traces::current(),
    })
}

/// Checks whether the caller may send such a notification, and whether its channel can send it.
///
/// # Errors
///
/// Returns 403 if the caller may not send the notification, and 400 if its channel is not configured or its URL is not
/// allowed.
pub fn check_allowed(
    state: &AppState,
    caller: &Caller,
    new: &NewNotification<'_>,
) -> Result<(), ApiError> {
    check_caller(caller, new)?;
    check_sendable(state, new)
}

fn check_sendable(state: &AppState, new: &NewNotification<'_>) -> Result<(), ApiError> {
    preconditions::check_channel(state, new.channel)?;
    if let Some(url) = &new.addresses.webhook_url {
        preconditions::check_url(state, url)?;
    }
    Ok(())
}

/// Stores the notification of a request with an idempotency key, unless an earlier request has. `create` creates it.
///
/// # Errors
///
/// Returns 422 `idempotency_key_reused` if another notification is stored under its key, the error of `create`, and 503 if
/// neither the broker nor the database stores it in time.
pub async fn accept_keyed(
    state: &AppState,
    caller: &Caller,
    request: KeyedRequest,
    create: impl Future<Output = Result<Notification, ApiError>>,
    request_id: &str,
) -> Result<Accepted, ApiError> {
    let first = match state.idempotency.begin(request, &caller.sender()).await {
        Begun::First(first) => first,
        Begun::Answered(result) => {
            result?;
            return Ok(Accepted {
                message_id: request.id,
                replayed: true,
            });
        }
    };
    let notification = create.await?;
    let stored = store(state, &notification, request_id).await;
    first.finish(&stored);
    Ok(stored?)
}

/// Stores a notification.
///
/// # Errors
///
/// Returns why it is not known to be stored.
pub async fn store(
    state: &AppState,
    notification: &Notification,
    request_id: &str,
) -> Result<Accepted, NotStored> {
    let message = state.message_factory.intake(notification, request_id);
    let by = state.acceptance.store(notification, message).await?;
    count_accepted(notification.channel, by, 1);
    tracing::debug!(
        request_id,
        message_id = %notification.message_id,
        user_id = notification.user_id.map(tracing::field::display),
        r#type = notification.channel.as_str(),
        "notification accepted"
    );
    Ok(Accepted {
        message_id: notification.message_id,
        replayed: false,
    })
}

impl Accepted {
    /// The response 202.
    pub fn into_http(self) -> HttpResponse {
        let mut response = HttpResponse::Accepted();
        response.insert_header((LOCATION, format!("/api/notifications/{}", self.message_id)));
        if self.replayed {
            response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
        }
        response.json(AcceptedResponse {
            message_id: self.message_id,
            status: "queued",
            message: "Notification accepted for processing",
        })
    }
}

/// Counts accepted notifications.
pub fn count_accepted(channel: Channel, by: StoredBy, times: u64) {
    events::accepted(channel, by.as_str(), times);
}

/// Counts a notification that was not accepted.
pub fn count_not_accepted(error: &ApiError) {
    if error.status.is_server_error() {
        events::accept_failed(error.code);
    } else {
        events::refused(error.code);
    }
}

/// The current time, rounded to the precision of PostgreSQL's `timestamptz`, so that reading the value back
/// returns the value that was written.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Microsecond).unwrap_or(now)
}
