//! Posts notifications of several channels at the same time.

use clap::ValueEnum;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use crate::delivery::DeliveryQueue;
use crate::load::{ApiEndpoint, LoadPlan, PostedLoad, RequestBodies};
use crate::pipeline::MeasuredInstallation;
use crate::progress::bar;
use crate::recorded_rows;
use crate::test_users::TestUsers;

/// A channel whose notifications are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduledChannel {
    /// In-app notifications, which the scheduler itself processes.
    InApp,
    /// Webhooks, which the scheduler publishes.
    Webhook,
}

/// A load of notifications to post.
pub(super) struct Posting<'a> {
    pub(super) queue: DeliveryQueue<'a>,
    pub(super) installation: MeasuredInstallation,
    pub(super) users: &'a TestUsers,
    /// Each has an equal part of the notifications.
    pub(super) channels: &'a [ScheduledChannel],
    /// Connections of all channels together.
    pub(super) connections: usize,
}

/// The responses to the notifications of each channel.
pub(super) type PostedByChannel = Vec<(ScheduledChannel, PostedLoad)>;

impl Posting<'_> {
    /// Posts `count` notifications, `batch` in each request. Without `send_at` they are sent at once.
    ///
    /// # Errors
    ///
    /// Returns an error if the API refuses a connection at the start.
    pub(super) async fn post(
        &self,
        count: u64,
        batch: u64,
        send_at: Option<Timestamp>,
    ) -> anyhow::Result<PostedByChannel> {
        let path = if batch == 1 {
            "/api/notifications"
        } else {
            "/api/notifications/batch"
        };
        let target = ApiEndpoint::new(self.installation.api, path, &self.installation.token)?;
        let progress = bar(count, "posting");
        let posting = self.channels.iter().enumerate();
        let posting = posting.map(async |(nth, channel)| {
            let load = LoadPlan {
                count: part(count, self.channels.len(), nth),
                connections: (self.connections / self.channels.len()).max(1),
                batch,
                rate: None,
            };
            let posted = load.post(&target, self.bodies(*channel, send_at), &progress);
            anyhow::Ok((*channel, posted.await?))
        });
        let posted = try_join_all(posting).await?;
        progress.finish_and_clear();
        Ok(posted)
    }

    /// Waits until `count` notifications are recorded, as scheduled or as processed.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub(super) async fn wait_for_rows(&self, count: u64) -> anyhow::Result<()> {
        let progress = bar(count, "recording");
        let database = &self.queue.environment.scratch.database;
        recorded_rows::wait(database, self.users, count, &progress).await?;
        progress.finish_and_clear();
        Ok(())
    }

    /// The bodies of notifications of `channel`.
    pub(super) fn bodies(
        &self,
        channel: ScheduledChannel,
        send_at: Option<Timestamp>,
    ) -> RequestBodies {
        let bodies = match channel {
            ScheduledChannel::InApp => {
                RequestBodies::new(self.users.ids(), self.queue.payload_bytes)
            }
            ScheduledChannel::Webhook => self.queue.bodies(self.users),
        };
        match send_at {
            Some(send_at) => bodies.scheduled(send_at),
            None => bodies,
        }
    }
}

/// The size of one of `parts` equal parts of `count`. The first parts take what is left over.
fn part(count: u64, parts: usize, nth: usize) -> u64 {
    let (parts, nth) = (parts as u64, nth as u64);
    count / parts + u64::from(nth < count % parts)
}

/// The notifications of `posted` that the API did not accept.
pub(super) fn not_accepted(posted: &PostedByChannel) -> u64 {
    let loads = posted.iter();
    loads.map(|(_, load)| load.refused + load.unanswered).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_equal_and_complete() {
        assert_eq!([part(10, 2, 0), part(10, 2, 1)], [5, 5]);
        assert_eq!([part(11, 2, 0), part(11, 2, 1)], [6, 5]);
        assert_eq!(part(7, 1, 0), 7);
    }
}
