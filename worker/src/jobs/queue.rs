use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidings_broker::{DeadLetter, DeadLetterAges};
use tidings_db::dead_letters::CopyState;

use super::JobRunner;
use crate::dead_letters;

impl JobRunner {
    /// Removes the letters of the queue that were replayed or purged, or whose notifications have ended otherwise. Returns why
    /// they are left, for people, if that cannot be changed by another try.
    ///
    /// # Errors
    ///
    /// Returns why it must be tried again.
    pub(super) async fn clean_queue(&self) -> Result<Option<&'static str>, String> {
        let ages = DeadLetterAges {
            all: None,
            sensitive: Duration::MAX,
            sensitive_templates: HashSet::new(),
            max_read: u32::MAX,
        };
        let is_unknown = AtomicBool::new(false);
        let judge = |letters| self.are_settled(letters, &is_unknown);
        match tidings_broker::sweep_dead_letters(&self.broker, &ages, false, judge).await {
            Ok(Some(_)) if is_unknown.load(Ordering::Relaxed) => Err(
                "the copies in the dead-letter queue cannot be removed yet: PostgreSQL does not answer"
                    .to_owned(),
            ),
            Ok(Some(sweep)) => {
                tracing::info!(
                    removed = sweep.removed,
                    "dead letters are removed from the queue"
                );
                Ok(None)
            }
            Ok(None) => Ok(Some(
                "the copies in the dead-letter queue are left: another program reads it",
            )),
            Err(error) => {
                tracing::warn!(%error, "the copies of dead letters cannot be removed from the queue; trying again");
                Err(format!(
                    "the copies in the dead-letter queue cannot be removed yet: {error}"
                ))
            }
        }
    }

    /// Without an answer, the letters stay, and `is_unknown` is set.
    async fn are_settled(&self, letters: Vec<DeadLetter>, is_unknown: &AtomicBool) -> Vec<bool> {
        let all: Vec<&DeadLetter> = letters.iter().collect();
        let states = dead_letters::states(&self.database, &all).await;
        let Ok(states) = states else {
            is_unknown.store(true, Ordering::Relaxed);
            return Vec::new();
        };
        let states = states.into_iter();
        states.map(|state| state == CopyState::Settled).collect()
    }
}
