//! What happens to a notification that is sent now, and which rule decides. Pure functions: the answers are those of the
//! functions that the API, the intake and the claims ask.

mod outcome;
mod situation;
#[cfg(test)]
mod table;

pub use outcome::Outcome;
pub use situation::{CategoryFacts, CategoryState, RecipientState, Situation};

/// The rules, in the order in which they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The channel must have a provider.
    Channel,
    /// The category must exist.
    Category,
    /// An e-mail of a marketing category must have a URL to unsubscribe.
    UnsubscribeUrl,
    /// The user must exist.
    User,
    /// Deleted users get nothing, and those whose deletion waits only what is critical.
    Deletion,
    /// Its sender may cancel a notification.
    Cancellation,
    /// A notification may expire.
    ExpiresAt,
    /// A notification may have a time.
    SendAt,
    /// What was accepted while `RabbitMQ` was away waits for a scheduler, which publishes it.
    AcceptWithoutBroker,
    /// What the recipient has chosen.
    Preferences,
    /// What the category says for recipients who have chosen nothing.
    Defaults,
    /// A category and its users may collect notifications to digests.
    Digest,
    /// An operator may stop a channel.
    Sending,
    /// The quiet hours of the user.
    QuietHours,
    /// The limit of the category.
    Throttle,
    /// `USER_LIMITS`.
    UserLimits,
    /// There must be an address.
    Contact,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 17] = [
        Self::Channel,
        Self::Category,
        Self::UnsubscribeUrl,
        Self::User,
        Self::Deletion,
        Self::Cancellation,
        Self::ExpiresAt,
        Self::SendAt,
        Self::AcceptWithoutBroker,
        Self::Preferences,
        Self::Defaults,
        Self::Digest,
        Self::Sending,
        Self::QuietHours,
        Self::Throttle,
        Self::UserLimits,
        Self::Contact,
    ];

    /// The name in JSON: in `decision` of a notification, and in what `tidings preferences explain` prints.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Category => "category",
            Self::UnsubscribeUrl => "unsubscribeUrl",
            Self::User => "user",
            Self::Deletion => "deletion",
            Self::Cancellation => "cancellation",
            Self::ExpiresAt => "expiresAt",
            Self::SendAt => "sendAt",
            Self::AcceptWithoutBroker => "ACCEPT_WITHOUT_BROKER",
            Self::Preferences => "preferences",
            Self::Defaults => "defaults",
            Self::Digest => "digest",
            Self::Sending => "sending",
            Self::QuietHours => "quiet",
            Self::Throttle => "throttle",
            Self::UserLimits => "USER_LIMITS",
            Self::Contact => "contact",
        }
    }
}
