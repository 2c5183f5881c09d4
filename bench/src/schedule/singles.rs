//! Single notifications on a quiet system.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Phases;
use super::lateness::{LatenessReport, ScheduledNotification, processed_times};
use crate::load::{ApiEndpoint, HttpConnection, post_one};
use crate::programs::RunningProgram;
use crate::progress::bar;

/// How long before it is due a notification is posted at least. One that is recorded less than a second before it is due
/// waits for a whole second, which would count as lateness.
const AHEAD: Duration = Duration::from_millis(1500);

/// The default of `SCHEDULER_POLL_MS`.
const POLL: Duration = Duration::from_secs(1);

impl Phases<'_> {
    /// Schedules one notification after the other. Each is posted after the one before is processed, which is shortly
    /// after a scheduler has looked, and due at another part of the scheduler's interval.
    pub(super) async fn singles(&self, api: &RunningProgram) -> anyhow::Result<LatenessReport> {
        let users = self.users().await?;
        let channels = self.plan.channels();
        let posting = self.posting(api, &users, channels);
        let installation = &posting.installation;
        let target = ApiEndpoint::new(installation.api, "/api/notifications", &installation.token)?;
        let mut connection = HttpConnection::open(&target).await?;
        let progress = bar(self.plan.singles.into(), "scheduling one by one");
        let arrivals = self.queue.receiver.arrivals();
        let mut scheduled = Vec::new();
        for number in 0..self.plan.singles {
            let ahead = AHEAD + POLL * number / self.plan.singles;
            let send_at = Timestamp::now() + SignedDuration::try_from(ahead)?;
            let send_at = Timestamp::from_microsecond(send_at.as_microsecond())?;
            let channel = channels[usize::try_from(number)? % channels.len()];
            let body = posting.bodies(channel, Some(send_at)).single(number.into());
            scheduled.push(ScheduledNotification {
                channel,
                accepted: post_one(&mut connection, body).await?,
                send_at: send_at.as_microsecond(),
            });
            tokio::time::sleep(ahead).await;
            let count = scheduled.len() as u64;
            self.queue.delivered_rows(&users, count).await?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        let database = &self.queue.environment.scratch.database;
        let processed = processed_times(database, &users).await?;
        Ok(LatenessReport::of(&scheduled, &processed, &arrivals.take()))
    }
}
