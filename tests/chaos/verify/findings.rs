use std::collections::HashSet;

use jiff::SignedDuration;
use uuid::Uuid;

use super::ledger_summary::CancelCounts;

/// Maximum number of examples of one kind of finding.
const EXAMPLES: usize = 10;

/// The result of the comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Message ids that were answered with 202.
    pub accepted: usize,
    /// How many of them were scheduled.
    pub scheduled: usize,
    /// The answers to cancellations.
    pub cancels: CancelCounts,
    /// Rows.
    pub recorded: usize,
    /// Rows that are `cancelled`.
    pub cancelled: usize,
    /// Rows that are `expired`.
    pub expired: usize,
    /// Rows that are `suppressed`.
    pub suppressed: usize,
    /// Rows that quiet hours have held.
    pub held: usize,
    /// How many of them were sent, and how many of these more than once, which an unknown outcome allows.
    pub held_and_sent: usize,
    pub held_and_repeated: usize,
    /// Notifications in the inboxes of readers.
    pub in_inboxes: usize,
    /// 202s without a row that holds the posted body.
    pub lost: usize,
    /// Rows beyond the first of a message id, an idempotency key or a body.
    pub doubled: usize,
    /// Rows whose body was never posted, or not with this expiry and group.
    pub foreign: usize,
    /// Rows of attempts without a 202, which are allowed.
    pub unanswered: usize,
    /// Rows that have not ended.
    pub unsettled: usize,
    /// Rows that have ended otherwise than the answers allow: as `cancelled` or `expired` without a reason, or not as
    /// `cancelled` although an answer said so.
    pub wrong_ends: usize,
    /// `processed` rows that their provider has not received.
    pub undelivered: usize,
    /// Notifications of which more copies arrived than a message with an unknown outcome may have.
    pub too_many_copies: usize,
    /// Notifications that arrived although an answer to a cancellation, or their row, says that they never do.
    pub sent_after_cancel: usize,
    /// Notifications of which a copy was sent before `sendAt`.
    pub sent_early: usize,
    /// Notifications of which a copy was sent after their expiry.
    pub sent_after_expiry: usize,
    /// Attempts that began although an answer said that the recipient does not want the notification.
    pub sent_after_opt_out: usize,
    /// Attempts that began in quiet hours that an answer had confirmed.
    pub sent_in_quiet: usize,
    /// Rows that quiet hours have held which hold no such notification.
    pub held_wrongly: usize,
    /// Copies for recipients who change preferences that no attempt explains.
    pub sent_without_attempt: usize,
    /// Notifications that their reader has not seen.
    pub unseen: usize,
    /// Notifications that a reader has seen and that are not in the inbox.
    pub shown_wrongly: usize,
    /// Notifications that a list has shown which was asked for after their expiry.
    pub shown_after_expiry: usize,
    /// Notifications that are read although nobody has marked them, or unread although an answer says otherwise.
    pub marked_wrongly: usize,
    /// Scheduled notifications that were sent more than [`LATE`](super::send_times::LATE) after `sendAt`, which is allowed.
    pub late: usize,
    /// The largest delay of a scheduled notification.
    pub latest: SignedDuration,
    /// Notifications that failed because their outcome is unknown, rightly: they arrived, as the receivers' ledger
    /// shows, and no worker lived long enough to record it.
    pub outcome_unknown: HashSet<Uuid>,
    /// Examples of what is wrong.
    pub examples: Vec<String>,
}

impl Findings {
    /// Adds an example, unless there are enough of its kind.
    pub(super) fn example(&mut self, of: &str, what: impl FnOnce() -> String) {
        let alike = self.examples.iter().filter(|one| one.starts_with(of));
        if alike.count() < EXAMPLES {
            self.examples.push(format!("{of}: {}", what()));
        }
    }

    /// Returns the numbers that must be zero, with their names.
    pub fn must_be_zero(&self) -> [(&'static str, usize); 18] {
        [
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("foreign", self.foreign),
            ("not settled", self.unsettled),
            ("ended wrongly", self.wrong_ends),
            ("not delivered", self.undelivered),
            ("too many copies", self.too_many_copies),
            ("sent after cancel", self.sent_after_cancel),
            ("sent before sendAt", self.sent_early),
            ("sent after expiry", self.sent_after_expiry),
            ("sent after opt-out", self.sent_after_opt_out),
            ("sent during quiet hours", self.sent_in_quiet),
            ("held wrongly", self.held_wrongly),
            ("sent without an attempt", self.sent_without_attempt),
            ("not seen in inboxes", self.unseen),
            ("shown in a wrong inbox", self.shown_wrongly),
            ("shown after expiry", self.shown_after_expiry),
            ("marked wrongly", self.marked_wrongly),
        ]
    }
}
