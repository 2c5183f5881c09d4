//! Erases users whose deletion is due.

use std::time::Duration;

use metrics::{counter, gauge};
use tidings_broker::Backoff;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::user_deletions::{self, DeletionRow, Writers};
use tidings_db::{DbError, TransactionOptions, clock};
use tokio_util::sync::CancellationToken;

use super::{Next, Scheduler};

/// How often a scheduler looks for transactions that must end, and for notifications that a delivery holds.
const WAIT: Duration = Duration::from_millis(200);

pub(super) fn register_metrics() {
    counter!("tidings_users_erased_total").absolute(0);
    gauge!("tidings_deletions_due").set(0.0);
    gauge!("tidings_deletions_overdue_seconds").set(0.0);
}

impl Scheduler {
    /// Erases users until `stop` is cancelled.
    pub(super) async fn run_deletions(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let next = self.deletions_turn(stop).await;
            let pause = self.pause(next, &mut backoff);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Begins one erasure that is due, and continues those that have begun: by this process, or by one that has ended.
    async fn deletions_turn(&self, stop: &CancellationToken) -> Result<Next, DbError> {
        let (per_day, soft) = (self.settings.deletions_per_day, self.settings.soft_deletion);
        let begun = self
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let now = clock::now(transaction).await?;
                user_deletions::begin_due(transaction, now, per_day, soft).await
            })
            .await?;
        let (erasing, backlog) = self
            .database
            .run(async |client| {
                let erasing = user_deletions::erasing(client).await?;
                Ok((erasing, user_deletions::backlog(client).await?))
            })
            .await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge needs no more digits")]
        gauge!("tidings_deletions_due").set(backlog.due as f64);
        gauge!("tidings_deletions_overdue_seconds")
            .set(backlog.oldest.unwrap_or_default().as_secs_f64());
        for deletion in &erasing {
            if stop.is_cancelled() {
                break;
            }
            self.erase(deletion, stop).await?;
        }
        Ok(if begun.is_some() {
            Next::AtOnce
        } else {
            Next::Poll
        })
    }

    /// Erases a user who is marked. Leaves the rest to a later turn if `stop` is cancelled.
    async fn erase(&self, deletion: &DeletionRow, stop: &CancellationToken) -> Result<(), DbError> {
        let origin = AuditOrigin::new(ActorKind::System, "scheduler");
        let options = TransactionOptions::default();
        if self.settings.soft_deletion {
            self.database
                .transaction(options, async |transaction| {
                    user_deletions::mark_soft(transaction, &origin, deletion).await
                })
                .await?;
            return Ok(());
        }
        let writers = self
            .database
            .run(async |client| Writers::find(client, deletion.id).await)
            .await?;
        while !self
            .database
            .run(async |client| writers.have_ended(client).await)
            .await?
        {
            if stop
                .run_until_cancelled(tokio::time::sleep(WAIT))
                .await
                .is_none()
            {
                return Ok(());
            }
        }
        loop {
            if stop.is_cancelled() {
                return Ok(());
            }
            let chunk = self
                .database
                .transaction(options, async |transaction| {
                    user_deletions::sweep(transaction, deletion).await
                })
                .await?;
            if chunk.is_clean {
                break;
            }
            if chunk.changed == 0 {
                // A delivery holds a notification. Others are erased meanwhile.
                return Ok(());
            }
        }
        let done = self
            .database
            .transaction(options, async |transaction| {
                user_deletions::finish(transaction, &origin, deletion).await
            })
            .await?;
        if done {
            counter!("tidings_users_erased_total").increment(1);
            tracing::info!(user_id = %deletion.user_id, "a user is erased");
        }
        Ok(())
    }
}
