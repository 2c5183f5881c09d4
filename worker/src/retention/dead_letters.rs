use metrics::counter;
use tidings_broker::{DeadLetterAges, DeadLetterSubject, DeadLetterSweep};
use tidings_db::{templates, user_deletions};
use tokio_util::sync::CancellationToken;

use super::Retention;

impl Retention {
    /// Removes dead letters that are old or about erased users, and logs how many there are by reason. Returns `None` if that was not possible now: the next
    /// sweep tries again.
    pub(super) async fn sweep_dead_letters(
        &self,
        stop: &CancellationToken,
    ) -> Option<DeadLetterSweep> {
        let templates = self
            .database
            .run(async |client| templates::list_sensitive(client).await);
        let ages = DeadLetterAges {
            all: self.settings.dead_letters,
            sensitive: self.settings.sensitive,
            // Without an answer, the next sweep removes those that have a sensitive template.
            sensitive_templates: templates.await.unwrap_or_default(),
        };
        let are_erased = async |letters| self.are_erased(letters).await;
        let sweeping = tidings_broker::sweep_dead_letters(&self.broker, &ages, false, are_erased);
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
    /// Which dead letters are about erased users. Without an answer, the next sweep asks again.
    async fn are_erased(&self, letters: Vec<DeadLetterSubject>) -> Vec<bool> {
        let letters: Vec<_> = letters
            .iter()
            .map(|letter| (letter.message_id, letter.user))
            .collect();
        let erased = self
            .database
            .run(async |client| user_deletions::are_erased(client, &letters).await);
        erased.await.unwrap_or_default()
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
