use std::fmt;
use std::str::FromStr;

/// The outcome of a delivery attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// The attempt is in progress.
    Sending,
    /// The provider accepted the message.
    Delivered,
    /// The provider did not accept the message; a later attempt can succeed.
    Failed,
    /// Whether the provider accepted the message is not known.
    Unknown,
    /// The provider will never accept the message.
    Rejected,
    /// The address no longer exists.
    Gone,
    /// The provider asked for fewer requests.
    Throttled,
    /// The provider refused the installation's credentials.
    CredentialsRefused,
    /// Nothing was sent: the destination had asked for a pause or counts as down.
    Deferred,
    /// Nothing was sent, because the notification cannot be sent: no contact, no template, a URL that webhooks
    /// may not use. Unlike `Rejected`, it is no answer of a provider and settles no address.
    NotSent,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Sending,
        Self::Delivered,
        Self::Failed,
        Self::Unknown,
        Self::Rejected,
        Self::Gone,
        Self::Throttled,
        Self::CredentialsRefused,
        Self::Deferred,
        Self::NotSent,
    ];

    /// Whether consecutive attempts with this outcome share a row: nothing failed, and they can be many.
    #[must_use]
    pub const fn is_merged(self) -> bool {
        matches!(self, Self::Throttled | Self::Deferred)
    }

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::CredentialsRefused => "credentials_refused",
            Self::Deferred => "deferred",
            Self::NotSent => "not_sent",
        }
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the outcome of an attempt")]
pub struct UnknownOutcome;

impl FromStr for AttemptOutcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or(UnknownOutcome)
    }
}
