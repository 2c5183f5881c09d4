use std::fmt;
use std::str::FromStr;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// It is under way.
    Sending,
    /// The provider has taken it.
    Delivered,
    /// The provider has not taken it and might later.
    Failed,
    /// Nobody can know whether the provider has taken it.
    Unknown,
    /// The provider will never take it.
    Rejected,
    /// The address is no more.
    Gone,
    /// The provider asked for patience.
    Throttled,
    /// The provider refused the installation's credentials.
    CredentialsRefused,
    /// Nobody was asked: the destination had asked for a pause, or counted as away.
    Deferred,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Sending,
        Self::Delivered,
        Self::Failed,
        Self::Unknown,
        Self::Rejected,
        Self::Gone,
        Self::Throttled,
        Self::CredentialsRefused,
        Self::Deferred,
    ];

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
        }
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no outcome.
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
