//! Compares when notifications were due with when they were processed or arrived.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::{Database, notifications};
use tidings_domain::notification::MessageId;

use super::ScheduledChannel;
use super::posting::PostedByChannel;
use crate::delivery::{ArrivalLedger, LedgerDifferences};
use crate::latency::{Latencies, Summary};
use crate::load::AcceptedNotification;
use crate::test_users::TestUsers;

/// A scheduled notification.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScheduledNotification {
    pub(super) channel: ScheduledChannel,
    pub(super) accepted: AcceptedNotification,
    /// Its `sendAt`, in microseconds since 1970.
    pub(super) send_at: i64,
}

/// How late notifications were.
#[derive(Clone, Debug, Serialize)]
pub struct LatenessReport {
    /// Scheduled notifications.
    pub count: u64,
    /// Rows that are recorded as processed.
    pub recorded: u64,
    /// Notifications that were processed, or arrived, before they were due.
    pub early: u64,
    /// What differs between the scheduled webhooks and the receiver's ledger.
    #[serde(flatten)]
    pub differences: LedgerDifferences,
    /// In-app notifications: from `sendAt` to `processed_at`, in milliseconds.
    pub in_app_ms: Option<Summary>,
    /// Webhooks: from `sendAt` to the arrival, in milliseconds.
    pub webhook_ms: Option<Summary>,
    /// Webhooks: from `sendAt` to `processed_at`, which follows the receiver's answer, in milliseconds.
    pub webhook_processed_ms: Option<Summary>,
    /// In-app notifications to `processed_at` and webhooks to their arrival, together.
    pub all_ms: Option<Summary>,
}

/// When notifications were processed, in microseconds since 1970.
pub(super) type ProcessedTimes = HashMap<MessageId, i64>;

/// Reads when the notifications of `users` were processed.
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable.
pub(super) async fn processed_times(
    database: &Database,
    users: &TestUsers,
) -> anyhow::Result<ProcessedTimes> {
    let mut times = ProcessedTimes::new();
    for user in users.ids() {
        let rows = database
            .run(async |client| notifications::rows_of_user(client, *user).await)
            .await
            .context("PostgreSQL is unavailable")?;
        let processed = rows.into_iter().filter_map(|row| {
            let time = row.processed_at.map(Timestamp::as_microsecond);
            Some((row.message_id, time?))
        });
        times.extend(processed);
    }
    Ok(times)
}

/// The accepted notifications, all scheduled for `send_at`.
pub(super) fn all_at(posted: &PostedByChannel, send_at: Timestamp) -> Vec<ScheduledNotification> {
    let loads = posted.iter();
    let accepted = loads.flat_map(|(channel, load)| {
        let accepted = load.accepted.iter();
        accepted.map(|accepted| (*channel, *accepted))
    });
    accepted
        .map(|(channel, accepted)| ScheduledNotification {
            channel,
            accepted,
            send_at: send_at.as_microsecond(),
        })
        .collect()
}

/// Collects latencies and counts those below zero.
#[derive(Default)]
struct Lateness {
    late: Latencies,
    early: u64,
}

impl Lateness {
    fn record(&mut self, due: i64, done: i64) {
        match u64::try_from(done - due) {
            Ok(micros) => self.late.record(Duration::from_micros(micros)),
            Err(_) => self.early += 1,
        }
    }
}

impl LatenessReport {
    pub(super) fn of(
        scheduled: &[ScheduledNotification],
        processed: &ProcessedTimes,
        ledger: &ArrivalLedger,
    ) -> Self {
        let mut in_app = Lateness::default();
        let mut webhook = Lateness::default();
        let mut webhook_processed = Lateness::default();
        let mut webhooks = Vec::new();
        for one in scheduled {
            let id = one.accepted.id;
            let recorded = processed.get(&id).copied();
            let record = |lateness: &mut Lateness, done: Option<i64>| {
                if let Some(done) = done {
                    lateness.record(one.send_at, done);
                }
            };
            match one.channel {
                ScheduledChannel::InApp => record(&mut in_app, recorded),
                ScheduledChannel::Webhook => {
                    webhooks.push(one.accepted);
                    record(&mut webhook, ledger.times.get(&id).copied());
                    record(&mut webhook_processed, recorded);
                }
            }
        }
        let recorded = scheduled.iter();
        let recorded = recorded.filter(|one| processed.contains_key(&one.accepted.id));
        let mut all = in_app.late.clone();
        all.add(webhook.late.clone());
        Self {
            count: scheduled.len() as u64,
            recorded: recorded.count() as u64,
            early: in_app.early + webhook.early,
            differences: ledger.compare(&webhooks),
            in_app_ms: in_app.late.summary(),
            webhook_ms: webhook.late.summary(),
            webhook_processed_ms: webhook_processed.late.summary(),
            all_ms: all.summary(),
        }
    }

    /// Notifications that were early, and those that are not recorded, and lost, repeated and foreign webhooks.
    pub(super) const fn wrong(&self) -> u64 {
        self.early + self.count.abs_diff(self.recorded) + self.differences.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduled(channel: ScheduledChannel, send_at: i64) -> ScheduledNotification {
        ScheduledNotification {
            channel,
            accepted: AcceptedNotification {
                id: MessageId::generate(),
                began: 0,
            },
            send_at,
        }
    }

    #[test]
    fn lateness_counts_from_the_time_of_each_notification() {
        let in_app = scheduled(ScheduledChannel::InApp, 1000);
        let webhook = scheduled(ScheduledChannel::Webhook, 5000);
        let early = scheduled(ScheduledChannel::Webhook, 9000);
        let mut ledger = ArrivalLedger::default();
        ledger.times.insert(webhook.accepted.id, 9000);
        ledger.times.insert(early.accepted.id, 8999);
        let processed =
            ProcessedTimes::from([(in_app.accepted.id, 2000), (webhook.accepted.id, 9500)]);
        let report = LatenessReport::of(&[in_app, webhook, early], &processed, &ledger);
        let max = |summary: Option<Summary>| summary.expect("recorded").max.to_string();
        assert_eq!(max(report.in_app_ms), "1");
        assert_eq!(max(report.webhook_ms), "4");
        assert_eq!(max(report.webhook_processed_ms), "4.5");
        assert_eq!(max(report.all_ms), "4");
        assert_eq!((report.count, report.recorded, report.early), (3, 2, 1));
        assert_eq!(report.wrong(), 2, "one is early and has no row");
    }
}
