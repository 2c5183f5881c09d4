use std::collections::HashSet;
use std::time::Duration;

use tidings_broker::{DeadLetter, DeadLetterAges};
use tidings_db::dead_letters::CopyState;
use tokio_util::sync::CancellationToken;

use super::JobRunner;
use crate::dead_letters;

impl JobRunner {
    /// Removes the letters of the queue that were replayed or purged, or whose notifications have ended otherwise. Returns why
    /// they are left, for people, if they are.
    pub(super) async fn clean_queue(&self, stop: &CancellationToken) -> Option<&'static str> {
        let ages = DeadLetterAges {
            all: None,
            sensitive: Duration::MAX,
            sensitive_templates: HashSet::new(),
        };
        let judge = |letters| self.are_settled(letters);
        let sweeping = tidings_broker::sweep_dead_letters(&self.broker, &ages, false, judge);
        match stop.run_until_cancelled(sweeping).await {
            Some(Ok(Some(sweep))) => {
                tracing::info!(
                    removed = sweep.removed,
                    "dead letters are removed from the queue"
                );
                None
            }
            Some(Ok(None)) => {
                Some("the copies in the dead-letter queue are left: another program reads it")
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the copies of dead letters cannot be removed from the queue");
                Some("the copies in the dead-letter queue are left: RabbitMQ does not answer")
            }
            None => Some("the copies in the dead-letter queue are left: the worker stopped"),
        }
    }

    /// Without an answer, the letters stay.
    async fn are_settled(&self, letters: Vec<DeadLetter>) -> Vec<bool> {
        let all: Vec<&DeadLetter> = letters.iter().collect();
        let states = dead_letters::states(&self.database, &all).await;
        let states = states.unwrap_or_default().into_iter();
        states.map(|state| state == CopyState::Settled).collect()
    }
}
