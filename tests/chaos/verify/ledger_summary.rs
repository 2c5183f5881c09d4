use std::collections::HashMap;

use uuid::Uuid;

use super::choice_history::ChoiceHistory;
use crate::ledger::{CancelAnswer, Fingerprint, Group, LedgerEntry, PostedTimes};

/// The content of the ledger, in a compact form.
#[derive(Default)]
pub struct LedgerSummary {
    /// Every body that was posted, with its times. Each key and each attempt without a key has its own body.
    pub(super) attempted: HashMap<Fingerprint, PostedTimes>,
    /// The body of each message id that was answered with 202.
    pub(super) accepted: HashMap<Uuid, Fingerprint>,
    /// Message ids that were returned for more than one body: all but one of these bodies are lost.
    pub(super) ambiguous: Vec<(Uuid, Fingerprint)>,
    /// The cancelled notifications, with all answers.
    pub(super) cancels: HashMap<Uuid, Vec<CancelAnswer>>,
    /// The cancelled groups, and how many notifications the answers say are cancelled.
    pub(super) cancelled_groups: HashMap<Group, u64>,
    /// What users have changed.
    pub(super) choices: ChoiceHistory,
}

/// Answers to cancellations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelCounts {
    /// Notifications that are cancelled and never sent.
    pub cancelled: usize,
    /// Notifications that are cancelled, but may have been sent.
    pub maybe_sent: usize,
    /// Notifications that were not recorded yet.
    pub cancelling: usize,
    /// Notifications that were not cancelled.
    pub too_late: usize,
    /// Notifications that were cancelled with their group.
    pub by_group: u64,
}

impl LedgerSummary {
    /// Reads the entries of a ledger.
    pub fn read(
        entries: impl Iterator<Item = anyhow::Result<LedgerEntry>>,
    ) -> anyhow::Result<Self> {
        let mut ledger = Self::default();
        for entry in entries {
            match entry? {
                LedgerEntry::Attempt { body, times, .. } => {
                    ledger.attempted.insert(body, times);
                }
                LedgerEntry::Accepted { body, id, .. } => match ledger.accepted.insert(id, body) {
                    Some(other) if other != body => ledger.ambiguous.push((id, other)),
                    _ => {}
                },
                LedgerEntry::Cancel { id } => {
                    ledger.cancels.entry(id).or_default();
                }
                LedgerEntry::Cancelled { id, answer } => {
                    ledger.cancels.entry(id).or_default().push(answer);
                }
                LedgerEntry::CancelGroup { group } => {
                    ledger.cancelled_groups.entry(group).or_default();
                }
                LedgerEntry::GroupCancelled { group, cancelled } => {
                    *ledger.cancelled_groups.entry(group).or_default() += cancelled;
                }
                LedgerEntry::Change { user, change, at } => {
                    ledger.choices.begin(user, &change, at);
                }
                LedgerEntry::Changed { user, at } => ledger.choices.answer(user, at),
            }
        }
        Ok(ledger)
    }

    /// Returns the number of message ids that were answered with 202.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Returns how many of the accepted notifications were scheduled.
    pub fn scheduled(&self) -> usize {
        let bodies = self.accepted.values();
        let times = bodies.filter_map(|body| self.attempted.get(body));
        times.filter(|times| times.send_at.is_some()).count()
    }

    /// Whether an answer promised that the notification is never sent.
    pub(super) fn is_never_sent(&self, id: Uuid) -> bool {
        let answers = self.cancels.get(&id);
        answers.is_some_and(|answers| answers.iter().any(|answer| answer.means_never_sent()))
    }

    /// Whether an answer promised that the notification ends as cancelled.
    pub(super) fn is_cancelled(&self, id: Uuid) -> bool {
        let answers = self.cancels.get(&id);
        answers.is_some_and(|answers| answers.iter().any(|answer| answer.is_final()))
    }

    /// Whether the notification may end as cancelled: its cancellation was asked for, or that of its group.
    pub(super) fn may_be_cancelled(&self, id: Uuid, group: Option<Group>) -> bool {
        let by_group = group.is_some_and(|group| self.cancelled_groups.contains_key(&group));
        by_group || self.cancels.contains_key(&id)
    }

    /// Counts the last answers to the cancellations.
    pub fn cancel_counts(&self) -> CancelCounts {
        let mut counts = CancelCounts {
            by_group: self.cancelled_groups.values().sum(),
            ..CancelCounts::default()
        };
        for answers in self.cancels.values() {
            match answers.last() {
                Some(CancelAnswer::Cancelled) => counts.cancelled += 1,
                Some(CancelAnswer::MaybeSent) => counts.maybe_sent += 1,
                Some(CancelAnswer::Cancelling) => counts.cancelling += 1,
                Some(
                    CancelAnswer::BeingSent
                    | CancelAnswer::AlreadySent
                    | CancelAnswer::AlreadyEnded,
                ) => counts.too_late += 1,
                None => {}
            }
        }
        counts
    }
}
