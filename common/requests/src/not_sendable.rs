use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_domain::providers::ChannelProviders;
use tidings_egress::{DisallowedUrl, EgressPolicy};

/// Why the settings do not allow a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSendable {
    /// No provider is configured for the channel.
    #[error("The channel {0} is off: set {variable} to turn it on", variable = ChannelProviders::variable(*.0))]
    ChannelOff(DeliveredChannel),
    /// Webhooks may not go to the URL in the payload.
    #[error("Invalid fields: payload.to: the url {0}")]
    UrlNotAllowed(DisallowedUrl),
}

impl NotSendable {
    /// The stable code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ChannelOff(_) => "channel_not_configured",
            Self::UrlNotAllowed(_) => "invalid_fields",
        }
    }

    /// The field, and what is wrong with it.
    #[must_use]
    pub fn field_and_message(&self) -> (&'static str, String) {
        match self {
            Self::ChannelOff(channel) => {
                let variable = ChannelProviders::variable(*channel);
                ("type", format!("needs the setting {variable}"))
            }
            Self::UrlNotAllowed(refusal) => ("payload.to", refusal.to_string()),
        }
    }
}

/// Checks whether a provider is configured for the channel.
///
/// # Errors
///
/// Returns [`NotSendable::ChannelOff`] if none is.
pub fn check_channel(providers: &ChannelProviders, channel: Channel) -> Result<(), NotSendable> {
    let delivered = channel.delivered();
    let off = delivered.filter(|channel| !providers.is_configured(*channel));
    off.map_or(Ok(()), |channel| Err(NotSendable::ChannelOff(channel)))
}

/// Checks whether webhooks may go to this URL.
///
/// # Errors
///
/// Returns [`NotSendable::UrlNotAllowed`] if they may not.
pub fn check_url(egress: &EgressPolicy, url: &WebhookUrl) -> Result<(), NotSendable> {
    egress.check(url).map_err(NotSendable::UrlNotAllowed)
}
