use metrics::counter;
use tidings_broker::{DeadLetter, DeadLetterAges, DeadLetterSweep};
use tidings_db::{DbError, dead_letters as letters_table, replay_jobs, templates, user_deletions};
use tokio_util::sync::CancellationToken;

use super::Retention;
use crate::dead_letters;

impl Retention {
    /// Removes dead letters that are old or about erased users, and logs how many there are by reason. Returns `None` if that was not possible now: the next
    /// sweep tries again.
    pub(super) async fn sweep_dead_letters(
        &self,
        stop: &CancellationToken,
    ) -> Option<DeadLetterSweep> {
        if let Err(error) = self.delete_old(stop).await {
            tracing::warn!(%error, "old dead letters cannot be deleted; the next sweep tries again");
        }
        match dead_letters::close_recorded(&self.database, stop).await {
            Ok(0) => {}
            Ok(closed) => tracing::info!(
                closed,
                "dead letters are closed whose notifications are recorded"
            ),
            Err(error) => {
                tracing::warn!(%error, "dead letters cannot be closed; the next sweep tries again");
            }
        }
        let templates = self
            .database
            .run(async |client| templates::list_sensitive(client).await);
        let ages = DeadLetterAges {
            all: self.settings.dead_letters,
            sensitive: self.settings.sensitive,
            // Without an answer, the next sweep removes those that have a sensitive template.
            sensitive_templates: templates.await.unwrap_or_default(),
            max_read: DeadLetterAges::MAX_READ,
        };
        let judge = |letters| self.judge(letters);
        let sweeping = tidings_broker::sweep_dead_letters(&self.broker, &ages, false, judge);
        // Whatever it holds returns to the queue if it is interrupted.
        match stop.run_until_cancelled(sweeping).await? {
            Ok(Some(sweep)) => {
                counter!("tidings_retention_dead_letters_removed_total")
                    .increment(sweep.removed.into());
                report(&sweep);
                Some(sweep)
            }
            Ok(None) => {
                tracing::debug!("the dead letters are not counted: another program reads them");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the dead letters cannot be counted");
                None
            }
        }
    }
}

impl Retention {
    /// Deletes old letters without a row and old jobs, a chunk at a time.
    async fn delete_old(&self, stop: &CancellationToken) -> Result<(), DbError> {
        let (all, sensitive) = (self.settings.dead_letters, self.settings.sensitive);
        while !stop.is_cancelled() {
            let deleting = self.database.run(async |client| {
                letters_table::delete_old_letters(client, all, sensitive).await
            });
            let (_, is_full) = deleting.await?;
            if !is_full {
                break;
            }
        }
        self.database
            .run(async |client| replay_jobs::delete_old(client).await)
            .await?;
        Ok(())
    }

    /// Which dead letters are about erased users. Records the others that PostgreSQL does not know: those that the broker itself
    /// has moved to the queue, and those that could not be recorded before. Without an answer, the next sweep asks again.
    async fn judge(&self, letters: Vec<DeadLetter>) -> Vec<bool> {
        let subjects: Vec<_> = letters
            .iter()
            .map(DeadLetter::subject)
            .map(|subject| (subject.message_id, subject.user))
            .collect();
        let erased = self
            .database
            .run(async |client| user_deletions::are_erased(client, &subjects).await);
        let Ok(erased) = erased.await else {
            return Vec::new();
        };
        let both = letters.iter().zip(&erased);
        let left: Vec<&DeadLetter> = both
            .filter_map(|(letter, is_erased)| (!is_erased).then_some(letter))
            .collect();
        match dead_letters::record_unknown(&self.database, &left).await {
            Ok(0) => {}
            Ok(recorded) => tracing::info!(recorded, "dead letters of the queue are recorded"),
            Err(error) => tracing::warn!(%error, "dead letters of the queue cannot be recorded"),
        }
        erased
    }
}

/// One line an hour, also without dead letters: its absence means that nobody looks.
fn report(sweep: &DeadLetterSweep) {
    let reasons = sweep.by_reason.iter();
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{reason}={count}"))
        .collect();
    let left = sweep.total.saturating_sub(sweep.removed);
    // The oldest ones. If there are more, the reasons of the others are not known.
    let counted = sweep.read.saturating_sub(sweep.removed);
    let by_reason = reasons.join(" ");
    if left == 0 {
        tracing::info!(
            dead_letters = 0,
            removed = sweep.removed,
            "there are no dead letters"
        );
    } else {
        tracing::warn!(
            dead_letters = left,
            counted,
            by_reason,
            removed = sweep.removed,
            "there are dead letters; `tidings dlq list` shows them"
        );
    }
}
