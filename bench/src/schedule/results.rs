//! The results of the rounds, their medians, and the targets that they must meet.

use serde::Serialize;

use super::due_at_once::DueAtOnceReport;
use super::lateness::LatenessReport;
use super::release::ReleaseReport;
use super::without_broker::WithoutBrokerReport;
use super::{SchedulePlan, ScheduledChannel};
use crate::latency::Summary;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The results of one round.
#[derive(Clone, Debug, Serialize)]
pub struct ScheduleRound {
    /// Notifications that are due at once.
    pub due_at_once: DueAtOnceReport,
    /// Single notifications on a quiet system.
    pub single: LatenessReport,
    /// Webhooks that a scheduler publishes while nothing delivers them.
    pub release: ReleaseReport,
    /// Notifications that are posted while RabbitMQ is away.
    pub without_broker: WithoutBrokerReport,
}

/// The results of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct ScheduleResults {
    /// The only channel; `None`: half in-app notifications, half webhooks.
    pub channel: Option<ScheduledChannel>,
    /// How long before they were due the notifications were posted, in seconds.
    pub ahead_seconds: f64,
    /// Medians over the rounds.
    pub medians: ScheduleMedians,
    /// Early, lost, repeated, foreign, refused and unrecorded notifications, in all rounds.
    pub wrong: u64,
    /// The results of each round.
    pub rounds: Vec<ScheduleRound>,
}

/// Medians over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScheduleMedians {
    /// How late notifications were that were due at once, at p99, in milliseconds.
    pub due_at_once_p99_ms: f64,
    /// How late the latest of the single notifications was, in milliseconds.
    pub single_max_ms: f64,
    /// Rows that a scheduler released per second.
    pub released_per_second: f64,
    /// Notifications accepted per second while RabbitMQ was away.
    pub accepted_without_broker_per_second: f64,
}

impl ScheduleMedians {
    fn of(rounds: &[ScheduleRound]) -> Self {
        let median_of = |value: fn(&ScheduleRound) -> f64| median(rounds.iter().map(value));
        Self {
            due_at_once_p99_ms: median_of(|round| {
                let due = &round.due_at_once;
                let p99 = value_of(due.lateness.all_ms, |ms| ms.p99);
                if due.recorded_in_time { p99 } else { f64::NAN }
            }),
            single_max_ms: median_of(|round| value_of(round.single.all_ms, |ms| ms.max)),
            released_per_second: median_of(|round| {
                let release = &round.release;
                if release.recorded_in_time {
                    release.released_per_second
                } else {
                    f64::NAN
                }
            }),
            accepted_without_broker_per_second: median_of(|round| {
                round.without_broker.accepted_per_second
            }),
        }
    }
}

/// NaN if nothing was measured.
fn value_of(summary: Option<Summary>, value: fn(Summary) -> f64) -> f64 {
    summary.map_or(f64::NAN, value)
}

impl ScheduleRound {
    const fn wrong(&self) -> u64 {
        self.due_at_once.lateness.wrong()
            + self.single.wrong()
            + self.release.wrong()
            + self.without_broker.wrong()
    }
}

impl ScheduleResults {
    /// Combines the rounds.
    #[must_use]
    pub(super) fn of(plan: &SchedulePlan, rounds: Vec<ScheduleRound>) -> Self {
        Self {
            channel: plan.channel,
            ahead_seconds: plan.ahead.as_secs_f64(),
            medians: ScheduleMedians::of(&rounds),
            wrong: rounds.iter().map(ScheduleRound::wrong).sum(),
            rounds,
        }
    }

    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let medians = self.medians;
        #[expect(clippy::cast_precision_loss, reason = "a number to print")]
        let wrong = self.wrong as f64;
        let at_least = PerformanceTarget::at_least;
        let at_most = PerformanceTarget::at_most;
        vec![
            at_most(
                "due at once: lateness at p99, ms",
                3000.0,
                medians.due_at_once_p99_ms,
            ),
            at_most(
                "a single one on a quiet system: highest lateness, ms",
                1200.0,
                medians.single_max_ms,
            ),
            at_least(
                "rows released a second by a scheduler",
                5000.0,
                medians.released_per_second,
            ),
            at_least(
                "accepted a second while RabbitMQ is away",
                2000.0,
                medians.accepted_without_broker_per_second,
            ),
            at_most(
                "early, lost, repeated, foreign, refused or unrecorded",
                0.0,
                wrong,
            ),
        ]
    }
}
