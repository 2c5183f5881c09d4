//! The table `delivery_attempts`: what was tried, when, and what came of it.

mod outcome;
mod read;
mod record;

pub use outcome::{AttemptOutcome, UnknownOutcome};
pub use read::{AttemptRow, delivered_contacts, timeline};
pub use record::{Finished, NewAttempt, begin, finish};

/// The template that an attempt was rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedTemplate {
    /// Its name.
    pub name: String,
    /// The language that was found, which need not be the one asked for.
    pub locale: String,
    /// Its version.
    pub version: i32,
}
