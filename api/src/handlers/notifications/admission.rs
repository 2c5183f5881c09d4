//! What of a notification depends on the settings and on the moment, not on itself.

use tidings_broker::Destination;
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::Channel;
use tidings_domain::providers::ChannelProviders;

use crate::error::{ApiError, Detail};
use crate::state::AppState;

/// Refuses what nobody would ever deliver.
pub fn check_channel(state: &AppState, channel: Channel) -> Result<(), ApiError> {
    let Some(off) = channel
        .delivered()
        .filter(|channel| !state.providers.is_configured(*channel))
    else {
        return Ok(());
    };
    let variable = ChannelProviders::variable(off);
    let message = format!("The channel {channel} is off: set {variable} to turn it on");
    let details = vec![Detail::new("type", format!("needs the setting {variable}"))];
    Err(ApiError::bad_request(
        "channel_not_configured",
        message,
        details,
    ))
}

/// Refuses a URL that webhooks may not go to.
pub fn check_url(state: &AppState, url: &WebhookUrl) -> Result<(), ApiError> {
    state.egress.check(url).map_err(|refusal| {
        let details = vec![Detail::new("payload.to", refusal.to_string())];
        let message = format!("Invalid fields: payload.to: the url {refusal}");
        ApiError::bad_request("invalid_fields", message, details)
    })
}

/// Takes no more while more messages wait than the operator allows: in the intake queue, or in that
/// of the notification's own channel.
///
/// As many wait as did at most a second ago: what has been taken since, earlier items of the same batch
/// among it, is not counted yet, so that a little more than is allowed may come to wait.
pub fn check_depth(state: &AppState, channel: Channel) -> Result<(), ApiError> {
    let limit = state.http.queue_max_length;
    let full = |destination| limit > 0 && state.depths.of(destination) > limit;
    let own = channel.delivered().map(Destination::Delivery);
    if own.is_some_and(full) || full(Destination::Intake) {
        let message = "Too many notifications are waiting; try again later";
        return Err(ApiError::unavailable(
            "queue_full",
            message,
            "QUEUE_MAX_LENGTH is exceeded",
        ));
    }
    Ok(())
}
