use std::time::Duration;

/// Maximum length of a provider's text that is stored, in characters.
const MAX_TEXT: usize = 500;

/// The outcome of sending one message.
///
/// Error texts come from the provider or describe its connection. They are stored in `delivery_attempts` and
/// in dead letters: they contain no credentials, and no content beyond what the provider itself quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider accepted the message.
    Delivered {
        /// The provider's name for the message.
        reference: Option<String>,
    },
    /// The provider did not accept the message and may accept it later: connection refused, 5xx, 408. The
    /// failure is the provider's.
    Failed {
        /// What happened.
        error: String,
    },
    /// The provider refused this message or address for a reason that may pass: a full mailbox, greylisting.
    /// Other messages are not affected.
    RefusedForNow {
        /// The provider's text.
        error: String,
    },
    /// The provider may or may not have accepted the message: the request was written, but no valid response
    /// arrived.
    Unknown {
        /// What happened.
        error: String,
    },
    /// The provider will never accept the message, because the address or the content is invalid.
    Rejected {
        /// The provider's text.
        error: String,
    },
    /// The provider was not asked, because the message cannot be sent: it cannot be composed, or its URL is not
    /// allowed.
    NotSent {
        /// Why not.
        error: String,
    },
    /// The address no longer exists (an unregistered device, a removed endpoint) and must not be used again.
    AddressGone {
        /// The provider's text.
        error: String,
    },
    /// The provider sends this recipient nothing, because the recipient has told it so (STOP).
    OptedOut {
        /// The provider's text.
        error: String,
    },
    /// The provider works but limits the rate (429).
    Throttled {
        /// The pause that the provider asks for (`Retry-After`), if any.
        retry_after: Option<Duration>,
        /// The provider's text.
        error: String,
    },
    /// The provider refuses the credentials: nothing can be sent until an operator corrects them.
    CredentialsRefused {
        /// The provider's text.
        error: String,
    },
    /// The provider refuses this installation, whatever it sends: its host name, its address, its sender. Nothing
    /// can be sent until an operator corrects that.
    InstallationRefused {
        /// What the provider refuses, and which setting concerns it. A text of Tidings itself.
        reason: String,
        /// The provider's text.
        error: String,
    },
}

/// Truncates a provider's text to the stored length and replaces control characters.
#[must_use]
pub fn truncate(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable
        .take(MAX_TEXT)
        .collect::<String>()
        .trim()
        .to_owned()
}
