//! The table `delivery_attempts`: every delivery attempt, its time and its outcome.

mod merge;
mod outcome;
mod read;
mod record;
mod unknown;

pub use merge::merge_repeated;
pub use outcome::{AttemptOutcome, UnknownOutcome};
pub use read::{AttemptRow, SettledContact, list, list_settled_contacts};
pub use record::{FinishedAttempt, NewAttempt, begin, finish, insert_not_sent, take_back};
pub use unknown::{UnknownAttempts, list_undelivered_unknown, list_unknown};

/// The template that an attempt was rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedTemplate {
    /// The template's name.
    pub name: String,
    /// The locale of the template that was found; it can differ from the requested locale.
    pub locale: String,
    /// The template's version.
    pub version: i32,
}
