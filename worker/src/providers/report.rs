use std::time::Duration;

/// The longest text of a provider's that is kept, in characters.
const LONGEST: usize = 500;

/// What came of sending one message.
///
/// Texts are the provider's own words or ours about its connection, for people. They stand on the
/// timeline and in dead letters: no credentials, and no more of the content than the provider itself
/// quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The provider has taken it.
    Delivered {
        /// What the provider calls it.
        reference: Option<String>,
    },
    /// The provider has not taken it and might later: connection refused, 5xx, 408, or a recipient who
    /// cannot be reached just now. The message is not at fault.
    Failed {
        /// What happened.
        error: String,
    },
    /// The provider is well and has not taken it, for a reason that is the address's or the message's
    /// own and may pass: a mailbox that is full, greylisting. It says nothing of other messages.
    NotNow {
        /// In the provider's own words.
        error: String,
    },
    /// Nobody can know whether the provider has taken it: the request was written, and no answer
    /// came, or none that can be understood.
    Unknown {
        /// What happened.
        error: String,
    },
    /// The provider will never take it: it says that the address or the content is wrong.
    Rejected {
        /// In the provider's own words.
        error: String,
    },
    /// The address is no more: a device token that is unregistered, an endpoint that is gone. It
    /// should not be used again.
    Gone {
        /// In the provider's own words.
        error: String,
    },
    /// The provider is well and asks for patience (429).
    SlowDown {
        /// How long, where it says so (`Retry-After`).
        retry_after: Option<Duration>,
        /// In the provider's own words.
        error: String,
    },
    /// The provider refuses our credentials: nothing can be sent until the operator mends them.
    CredentialsRefused {
        /// In the provider's own words.
        error: String,
    },
}

/// A provider's text, cut to what is kept of it, without control characters.
#[must_use]
pub fn clipped(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable
        .take(LONGEST)
        .collect::<String>()
        .trim()
        .to_owned()
}
