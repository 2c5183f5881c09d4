use std::fmt;
use std::str::FromStr;

/// Where a preference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PreferenceSource {
    /// The user has chosen it.
    User,
    /// A link in an e-mail.
    Unsubscribe,
    /// A provider has said it, for example because the recipient answered STOP.
    Provider,
    /// An operator has set it.
    Admin,
}

impl PreferenceSource {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::User, Self::Unsubscribe, Self::Provider, Self::Admin];

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Unsubscribe => "unsubscribe",
            Self::Provider => "provider",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for PreferenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be user, unsubscribe, provider or admin")]
pub struct UnknownPreferenceSource;

impl FromStr for PreferenceSource {
    type Err = UnknownPreferenceSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|source| source.as_str() == text)
            .ok_or(UnknownPreferenceSource)
    }
}
