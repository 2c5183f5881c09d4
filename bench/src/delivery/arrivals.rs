//! The ledger of a receiver: which messages arrived, when, and how often.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::Serialize;
use tidings_domain::notification::MessageId;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::load::AcceptedNotification;

/// If no message arrives for this long, the missing ones are lost.
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the number of arrivals is read. Reading it costs the machine nothing of note.
const PAUSE: Duration = Duration::from_millis(20);

/// Records each message that arrives at a receiver.
#[derive(Debug, Default)]
pub struct Arrivals {
    ledger: Mutex<ArrivalLedger>,
    arrived: Notify,
}

/// The messages that arrived. Times are microseconds since 1970.
#[derive(Debug, Default)]
pub struct ArrivalLedger {
    /// The first arrival of each message.
    pub times: HashMap<MessageId, i64>,
    /// Arrivals of messages that had arrived before.
    pub repeated: u64,
    /// Requests without a message id.
    pub unreadable: u64,
    /// The first arrival of all.
    pub first: i64,
    /// The last arrival of all.
    pub last: i64,
}

/// What differs between the accepted notifications and those that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerDifferences {
    /// Accepted notifications that did not arrive.
    pub lost: u64,
    /// Arrivals of messages that had arrived before.
    pub repeated: u64,
    /// Arrivals of messages that were not accepted, or had no id.
    pub foreign: u64,
}

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, ArrivalLedger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the message has arrived completely; `None` if its id cannot be read.
    pub fn record(&self, id: Option<MessageId>) {
        self.lock().record(id, Timestamp::now().as_microsecond());
        self.arrived.notify_waiters();
    }

    /// Returns the ledger and begins an empty one.
    pub fn take(&self) -> ArrivalLedger {
        std::mem::take(&mut self.lock())
    }

    /// Waits until this many different messages have arrived, or no further message has arrived for
    /// [`NO_PROGRESS_TIMEOUT`].
    pub async fn wait(&self, wanted: u64, progress: &ProgressBar) {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            let now = self.lock().times.len() as u64;
            progress.set_position(now);
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            if now >= wanted || since.elapsed() > NO_PROGRESS_TIMEOUT {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the message has arrived. Returns when it arrived, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns an error if the message does not arrive within [`NO_PROGRESS_TIMEOUT`].
    pub async fn wait_for(&self, id: MessageId) -> anyhow::Result<i64> {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                if let Some(time) = self.lock().times.get(&id) {
                    return *time;
                }
                arrived.await;
            }
        };
        let time = timeout(NO_PROGRESS_TIMEOUT, waiting).await;
        time.with_context(|| format!("the message {id} did not arrive"))
    }
}

impl ArrivalLedger {
    fn record(&mut self, id: Option<MessageId>, now: i64) {
        let Some(id) = id else {
            self.unreadable += 1;
            return;
        };
        if self.times.is_empty() {
            self.first = now;
        }
        self.last = now;
        match self.times.entry(id) {
            Entry::Vacant(first) => {
                first.insert(now);
            }
            Entry::Occupied(_) => self.repeated += 1,
        }
    }

    /// Compares the accepted notifications with the ledger.
    pub fn compare(&self, accepted: &[AcceptedNotification]) -> LedgerDifferences {
        let arrived = accepted.iter();
        let arrived = arrived.filter(|one| self.times.contains_key(&one.id));
        let arrived = arrived.count() as u64;
        LedgerDifferences {
            lost: accepted.len() as u64 - arrived,
            repeated: self.repeated,
            foreign: self.times.len() as u64 - arrived + self.unreadable,
        }
    }
}

impl LedgerDifferences {
    /// All of them.
    pub const fn sum(self) -> u64 {
        self.lost + self.repeated + self.foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_repeated_and_foreign_messages_are_told_apart() {
        let ids: [MessageId; 3] = std::array::from_fn(|_| MessageId::generate());
        let accepted = [0, 1].map(|nth| AcceptedNotification {
            id: ids[nth],
            began: 0,
        });
        let mut ledger = ArrivalLedger::default();
        for (id, time) in [(ids[0], 5), (ids[0], 6), (ids[2], 7)] {
            ledger.record(Some(id), time);
        }
        ledger.record(None, 8);
        let expected = LedgerDifferences {
            lost: 1,
            repeated: 1,
            foreign: 2,
        };
        assert_eq!(ledger.compare(&accepted), expected);
        assert_eq!((ledger.first, ledger.last), (5, 7));
        assert_eq!(ledger.times[&ids[0]], 5, "the first arrival counts");
        assert_eq!(expected.sum(), 4);
    }
}
