//! Conditions for accepting a notification that depend on the settings or on the state of the queues.

use tidings_broker::Stage;
use tidings_domain::category::CategoryName;
use tidings_domain::content::WebhookUrl;
use tidings_domain::link_rule::{URL_MISSING, lacks_url};
use tidings_domain::notification::Channel;
use tidings_requests::NotSendable;

use crate::error::{ApiError, ErrorDetail};
use crate::state::AppState;

/// Returns 400 `channel_not_configured` if no provider is configured for the channel.
pub fn check_channel(state: &AppState, channel: Channel) -> Result<(), ApiError> {
    Ok(tidings_requests::check_channel(&state.providers, channel)?)
}

/// Returns 400 if the settings do not allow webhooks to this URL.
pub fn check_url(state: &AppState, url: &WebhookUrl) -> Result<(), ApiError> {
    Ok(tidings_requests::check_url(&state.egress, url)?)
}

/// Returns 400 `unknown_category` if there is no such category. Looks in PostgreSQL for one that this process does not know.
///
/// # Errors
///
/// Also returns 503 `category_unavailable` if PostgreSQL cannot be asked.
pub async fn check_category(
    state: &AppState,
    category: Option<&CategoryName>,
) -> Result<(), ApiError> {
    let Some(name) = category else {
        return Ok(());
    };
    let found = state.control.find_category(&state.database, name).await;
    let found = found.map_err(|error| {
        let message = "It is not known whether the category exists; try again later";
        ApiError::unavailable("category_unavailable", message, error)
    })?;
    if found.is_some() {
        return Ok(());
    }
    let message = format!("There is no category {name}");
    let details = vec![ErrorDetail::new(
        "category",
        "must be the name of a category",
    )];
    Err(ApiError::bad_request("unknown_category", message, details))
}

/// Returns 400 `unsubscribe_url_missing` for an e-mail of a marketing category without a URL to unsubscribe, if this
/// installation makes no links. Call it after [`check_category`], which makes the category known.
pub fn check_unsubscribe_url(
    state: &AppState,
    channel: Channel,
    category: Option<&CategoryName>,
    has_url: bool,
) -> Result<(), ApiError> {
    let kind = category.and_then(|name| state.control.category(name));
    if !lacks_url(channel, kind, has_url, state.unsubscribe.is_some()) {
        return Ok(());
    }
    let details = vec![ErrorDetail::new("payload.unsubscribeUrl", URL_MISSING)];
    let message = "Marketing by e-mail must have a URL to unsubscribe";
    Err(ApiError::bad_request(
        "unsubscribe_url_missing",
        message,
        details,
    ))
}

impl From<NotSendable> for ApiError {
    fn from(error: NotSendable) -> Self {
        let (field, message) = error.field_and_message();
        let details = vec![ErrorDetail::new(field, message)];
        Self::bad_request(error.code(), error.to_string(), details)
    }
}

/// Returns 503 `queue_full` if more messages than `QUEUE_MAX_LENGTH` wait in the intake queue, the queue of the
/// notification's channel and the delay queues of its retries together. For a webhook, those in the wait queues count
/// too.
///
/// All channels share the delay queues, but each passes only through as many as it has retries. So the failed webhooks
/// that wait long refuse no other notifications.
///
/// All channels share the wait queues, but the messages of a receiver that throttles or is down are webhooks: while
/// the provider of another channel throttles or is down, its messages stay in the queue of the channel. So the
/// webhooks that wait for their receivers refuse no other notifications.
///
/// The queue lengths are up to one second old. Messages that were published since, including earlier items
/// of the same batch, are not counted, so a queue may grow a little beyond the limit.
pub fn check_depth(state: &AppState, channel: Channel) -> Result<(), ApiError> {
    let limit = state.http.queue_max_length;
    if limit == 0 {
        return Ok(());
    }
    let depths = &state.depths;
    let mut waiting = depths.of(Stage::Intake);
    let mut on_ladder = depths.retrying(Stage::Intake);
    if let Some(channel) = channel.delivered() {
        let delivery = Stage::Delivery(channel);
        waiting = waiting.saturating_add(depths.of(delivery));
        on_ladder = on_ladder.max(depths.retrying(delivery));
    }
    waiting = waiting.saturating_add(on_ladder);
    if channel == Channel::Webhook {
        waiting = waiting.saturating_add(depths.waiting());
    }
    // While the broker is away, the notifications wait in PostgreSQL, and the depths of the queues are not known.
    waiting = waiting.saturating_add(state.acceptance.held_for_broker(channel));
    if waiting > limit {
        let message = "Too many notifications are waiting; try again later";
        return Err(ApiError::unavailable(
            "queue_full",
            message,
            "QUEUE_MAX_LENGTH is exceeded",
        ));
    }
    Ok(())
}
