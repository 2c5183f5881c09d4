use jiff::Timestamp;
use uuid::Uuid;

use crate::ledger::Fingerprint;

/// A row of `notifications`.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Row {
    pub id: Uuid,
    pub body: Fingerprint,
    pub status: String,
    /// Whether a provider delivers the notification.
    pub has_provider: bool,
    /// Whether it is `failed` because its outcome is unknown.
    pub outcome_unknown: bool,
    /// How many copies may arrive at one address.
    pub max_copies: u32,
    pub expires_at: Option<Timestamp>,
    /// The name of its group.
    pub group: Option<String>,
    /// When it became `processed`, by PostgreSQL's clock.
    pub processed_at: Option<Timestamp>,
    /// Whether an attempt may have sent it.
    pub maybe_sent: bool,
    pub user: Option<Uuid>,
    /// What stands for the address of a recipient without an account.
    pub guest: Option<Uuid>,
    pub channel: String,
    pub category: Option<String>,
    /// Why it was last held, or is suppressed.
    pub reason: Option<String>,
    /// When it ended without being processed, by PostgreSQL's clock.
    pub ended_at: Option<Timestamp>,
    /// Whether its user has read it.
    pub is_read: bool,
    /// Its attempts to send.
    pub attempts: Vec<Attempt>,
}

/// An attempt to send, by PostgreSQL's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The time of the transaction that decided to send: the claim judges quiet hours at this time.
    pub decided: Timestamp,
    /// When its row was written, in the same transaction.
    pub written: Timestamp,
}
