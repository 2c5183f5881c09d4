//! Many notifications that are due at the same time.

use std::time::Duration;

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::lateness::{LatenessReport, ScheduledNotification, all_at, processed_times};
use super::posting::{Posting, not_accepted};
use super::{Phases, ScheduledChannel};
use crate::programs::RunningProgram;
use crate::progress::bar;

/// Notifications per batch request, and connections for batch requests.
const BATCH: u64 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// Notifications that were due at once.
#[derive(Clone, Debug, Serialize)]
pub struct DueAtOnceReport {
    /// Whether all were recorded before they were due. Otherwise their lateness is not the scheduler's.
    pub recorded_in_time: bool,
    /// How late they were.
    #[serde(flatten)]
    pub lateness: LatenessReport,
}

/// Notifications that are due now.
pub(super) struct DueNotifications {
    pub(super) notifications: Vec<ScheduledNotification>,
    /// Whether all were recorded before.
    pub(super) recorded_in_time: bool,
}

impl Phases<'_> {
    /// Measures notifications that are due at once, while one worker does everything.
    pub(super) async fn due_at_once(
        &self,
        api: &RunningProgram,
    ) -> anyhow::Result<DueAtOnceReport> {
        let users = self.users().await?;
        let posting = self.posting(api, &users, self.plan.channels());
        let due = self.schedule(posting, self.plan.count).await?;
        let scheduled = &due.notifications;
        let webhooks = scheduled.iter();
        let webhooks = webhooks.filter(|one| one.channel == ScheduledChannel::Webhook);
        let webhooks = webhooks.count() as u64;
        let progress = bar(webhooks, "delivering");
        let arrivals = self.queue.receiver.arrivals();
        arrivals.wait(webhooks, &progress).await;
        progress.finish_and_clear();
        let count = scheduled.len() as u64;
        self.queue.delivered_rows(&users, count).await?;
        let database = &self.queue.environment.scratch.database;
        let processed = processed_times(database, &users).await?;
        Ok(DueAtOnceReport {
            recorded_in_time: due.recorded_in_time,
            lateness: LatenessReport::of(scheduled, &processed, &arrivals.take()),
        })
    }

    /// Posts notifications for one time, waits until they are recorded, and returns at this time.
    ///
    /// # Errors
    ///
    /// Returns an error if a server is unavailable or the API does not accept all.
    pub(super) async fn schedule(
        &self,
        posting: Posting<'_>,
        count: u64,
    ) -> anyhow::Result<DueNotifications> {
        let ahead = SignedDuration::try_from(self.plan.ahead)?;
        let send_at = Timestamp::from_microsecond((Timestamp::now() + ahead).as_microsecond())?;
        let posting = Posting {
            connections: BATCH_CONNECTIONS,
            ..posting
        };
        let posted = posting.post(count, BATCH, Some(send_at)).await?;
        let missing = not_accepted(&posted);
        ensure!(missing == 0, "{missing} notifications were not accepted");
        posting.wait_for_rows(count).await?;
        // An error if the time is over.
        let left = Duration::try_from(Timestamp::now().duration_until(send_at)).ok();
        if left.is_none() {
            eprintln!("The notifications were due before all were recorded: raise --ahead.");
        }
        tokio::time::sleep(left.unwrap_or_default()).await;
        Ok(DueNotifications {
            notifications: all_at(&posted, send_at),
            recorded_in_time: left.is_some(),
        })
    }
}
