use jiff::Timestamp;
use serde::Serialize;

use super::channels::{ChannelOverview, channels};
use super::facts::{DatabaseFacts, Facts, QueueRole, RunningProcess};
use super::problems::{Problem, problems};
use crate::statistics::{Measure, Series};

/// Statistics are saved every 10 s: a minute is complete only after this time.
const SAVED_AFTER_SECONDS: i64 = 10;

/// How many whole minutes say how long recording takes.
const RECORDED_MINUTES: usize = 3;

/// What the statistics of the last hour say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StatsFigures {
    /// The last whole minute that is saved.
    pub rates: Rates,
    /// What is saved of the time after that minute.
    pub latest: Latest,
    /// The share of the notifications that were delivered, of those that were delivered or failed in the last hour.
    pub success_ratio: Option<f64>,
    /// From the acceptance to the delivery, in the last hour.
    pub accepted_to_delivered: Durations,
    /// The 95th percentile of the time from the acceptance to the row, in milliseconds, in the slowest of the last minutes.
    pub recorded_p95_ms: Option<u64>,
}

/// Notifications a second in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// The start of the minute.
    pub minute: Timestamp,
    /// Accepted.
    pub accepted_per_second: f64,
    /// Delivered.
    pub delivered_per_second: f64,
    /// Failed.
    pub failed_per_second: f64,
}

/// How many notifications are counted since a time: fewer than there were, as each process saves its counts every 10 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latest {
    /// The end of the minute of the rates.
    pub since: Timestamp,
    /// Accepted.
    pub accepted: u64,
    /// Delivered.
    pub delivered: u64,
    /// Failed.
    pub failed: u64,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// The median.
    pub p50_ms: Option<u64>,
    /// The 95th percentile.
    pub p95_ms: Option<u64>,
}

impl StatsFigures {
    /// Reads the series of the outcomes of the last hour, a point for each minute, of which the last has not ended at `now`.
    #[must_use]
    pub fn of(series: &[Series], now: Timestamp) -> Self {
        let find = |measure: Measure| series.iter().find(|one| one.by == measure.as_str());
        let second = now.as_second().rem_euclid(60);
        let unsaved: u8 = if second < SAVED_AFTER_SECONDS { 2 } else { 1 };
        let split = |measure: Measure| {
            let points = find(measure).map_or(&[][..], |one| &one.points);
            points.split_at(points.len().saturating_sub(usize::from(unsaved)))
        };
        let saved = |measure: Measure| split(measure).0;
        let latest = |measure: Measure| split(measure).1.iter().map(|one| one.n).sum();
        let minutes_ago = |minutes: u8| {
            let seconds = now.as_second() - second - 60 * i64::from(minutes);
            Timestamp::from_second(seconds).unwrap_or_default()
        };
        let rate = |measure: Measure| number(saved(measure).last().map_or(0, |one| one.n)) / 60.0;
        let total = |measure: Measure| find(measure).map_or(0, |one| one.total.n);
        let (delivered, failed) = (total(Measure::Delivered), total(Measure::Failed));
        let ended = delivered + failed;
        let times = find(Measure::Delivered).map(|one| one.total);
        let recorded = saved(Measure::Recorded).iter().rev().take(RECORDED_MINUTES);
        Self {
            rates: Rates {
                minute: minutes_ago(unsaved),
                accepted_per_second: rate(Measure::Accepted),
                delivered_per_second: rate(Measure::Delivered),
                failed_per_second: rate(Measure::Failed),
            },
            latest: Latest {
                since: minutes_ago(unsaved - 1),
                accepted: latest(Measure::Accepted),
                delivered: latest(Measure::Delivered),
                failed: latest(Measure::Failed),
            },
            success_ratio: (ended > 0).then(|| number(delivered) / number(ended)),
            accepted_to_delivered: Durations {
                p50_ms: times.and_then(|one| one.p50_ms),
                p95_ms: times.and_then(|one| one.p95_ms),
            },
            recorded_p95_ms: recorded.filter_map(|point| point.p95_ms).max(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
const fn number(n: u64) -> f64 {
    n as f64
}

/// A delay queue of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// Its number, from 1.
    pub rung: u32,
    /// How long a message waits in it.
    pub delay_ms: u64,
    /// How many wait; null if the broker does not answer.
    pub messages: Option<u32>,
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessOverview {
    /// `api` or `worker`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What a worker serves.
    pub stages: Vec<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last reported.
    pub seen_at: Timestamp,
}

impl From<&RunningProcess> for ProcessOverview {
    fn from(process: &RunningProcess) -> Self {
        Self {
            program: process.program.clone(),
            version: process.version.clone(),
            stages: process.stages.clone(),
            started_at: process.started_at,
            seen_at: process.seen_at,
        }
    }
}

/// What an operator sees first. Null is what a server that does not respond would know.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// When.
    pub at: Timestamp,
    /// What is wrong now, the worst first.
    pub problems: Vec<Problem>,
    /// How much is sent.
    pub rates: Option<Rates>,
    /// What is counted since the minute of the rates.
    pub latest: Option<Latest>,
    /// Ready messages in the work queues, the wait queues and the delay queues.
    pub waiting: Option<u64>,
    /// How long the oldest notification waits that may be sent now.
    pub oldest_waiting_seconds: Option<u64>,
    /// All dead letters, up to a limit.
    pub dead_letters: Option<u64>,
    /// Whether there are more than `deadLetters`.
    pub dead_letters_capped: bool,
    /// Those of the last 24 hours, up to a limit.
    pub dead_letters24h: Option<u64>,
    /// Whether there are more than `deadLetters24h`.
    pub dead_letters24h_capped: bool,
    /// The share of the notifications that were delivered, of those that were delivered or failed in the last hour.
    pub success_ratio: Option<f64>,
    /// From the acceptance to the delivery, in the last hour.
    pub accepted_to_delivered: Durations,
    /// The channels that send to the outside.
    pub channels: Vec<ChannelOverview>,
    /// The delay queues of the ladder.
    pub ladder: Vec<Rung>,
    /// The processes that run.
    pub processes: Vec<ProcessOverview>,
}

impl Overview {
    /// Arranges what is known.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let channels = channels(facts);
        let problems = problems(facts, &channels);
        let known = facts.database.as_ref();
        let figures = known.map(|known| known.figures);
        let count = |count: fn(&DatabaseFacts) -> super::CappedCount| known.map(count);
        let all = count(|known| known.dead_letters);
        let of_day = count(|known| known.dead_letters_24h);
        Self {
            at: facts.at,
            problems,
            rates: figures.map(|figures| figures.rates),
            latest: figures.map(|figures| figures.latest),
            waiting: waiting(facts),
            oldest_waiting_seconds: known
                .and_then(|known| known.oldest_waiting)
                .map(|time| time.as_secs()),
            dead_letters: all.map(|all| all.count),
            dead_letters_capped: all.is_some_and(|all| all.is_capped),
            dead_letters24h: of_day.map(|of_day| of_day.count),
            dead_letters24h_capped: of_day.is_some_and(|of_day| of_day.is_capped),
            success_ratio: figures.and_then(|figures| figures.success_ratio),
            accepted_to_delivered: figures
                .map(|figures| figures.accepted_to_delivered)
                .unwrap_or_default(),
            channels,
            ladder: ladder(facts),
            processes: known
                .iter()
                .flat_map(|known| &known.processes)
                .map(ProcessOverview::from)
                .collect(),
        }
    }
}

/// The messages of all queues but that of the dead letters. `None` if no queue is known.
fn waiting(facts: &Facts) -> Option<u64> {
    let queues = facts.queues.iter();
    let depths = queues
        .filter(|queue| queue.role != QueueRole::DeadLetters)
        .filter_map(|queue| queue.counts)
        .map(|(depth, _)| u64::from(depth));
    depths.reduce(u64::saturating_add)
}

fn ladder(facts: &Facts) -> Vec<Rung> {
    let rungs = facts.queues.iter().filter_map(|queue| match queue.role {
        QueueRole::Rung { number, delay } => Some(Rung {
            rung: number,
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            messages: queue.counts.map(|(depth, _)| depth),
        }),
        _ => None,
    });
    rungs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Point;

    fn series(by: &str, minutes: [u64; 3], total: u64) -> Series {
        let at = Timestamp::UNIX_EPOCH;
        let point = |n| Point {
            at,
            n,
            p50_ms: Some(n),
            p95_ms: Some(2 * n),
        };
        Series {
            by: by.to_owned(),
            points: minutes.map(point).to_vec(),
            total: point(total),
        }
    }

    #[test]
    fn rates_are_those_of_the_last_minute_that_is_saved() {
        let all = [
            series("accepted", [60, 120, 7], 0),
            series("delivered", [0, 30, 1], 90),
            series("failed", [6, 0, 0], 10),
            series("recorded", [500, 40, 9000], 0),
        ];
        let figures = |second: i64| {
            let now = Timestamp::from_second(600 + second).expect("a time");
            StatsFigures::of(&all, now)
        };
        let rates = |second: i64| {
            let rates = figures(second).rates;
            let all = [
                rates.accepted_per_second,
                rates.delivered_per_second,
                rates.failed_per_second,
            ];
            all.map(|rate| format!("{rate:.1}"))
        };
        assert_eq!(rates(10), ["2.0", "0.5", "0.0"]);
        assert_eq!(rates(9), ["1.0", "0.0", "0.1"]);
        let time = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(figures(10).rates.minute, time(540));
        assert_eq!(figures(9).rates.minute, time(480));
        let latest = |since, accepted, delivered| Latest {
            since: time(since),
            accepted,
            delivered,
            failed: 0,
        };
        assert_eq!(figures(10).latest, latest(600, 7, 1));
        assert_eq!(figures(9).latest, latest(540, 127, 31));
        let figures = figures(10);
        let ratio = figures.success_ratio.map(|ratio| format!("{ratio:.2}"));
        assert_eq!(ratio.as_deref(), Some("0.90"));
        assert_eq!(figures.recorded_p95_ms, Some(1000));
        let durations = figures.accepted_to_delivered;
        assert_eq!((durations.p50_ms, durations.p95_ms), (Some(90), Some(180)));
        let none = StatsFigures::of(&[], time(600));
        assert_eq!(
            (none.rates.minute, none.latest),
            (time(480), latest(540, 0, 0))
        );
        assert_eq!((none.success_ratio, none.recorded_p95_ms), (None, None));
    }
}
