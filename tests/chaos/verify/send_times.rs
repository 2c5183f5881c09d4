use jiff::{SignedDuration, Timestamp};

use crate::clock_history::ClockHistory;

/// A scheduled notification that is sent later than this after `sendAt` counts as late.
pub const LATE: SignedDuration = SignedDuration::from_secs(5);

/// How long a send may be under way: from the last look at the time to the line in the receivers' ledger. A worker of the
/// run writes two small files in this time, on a busy machine. A worker that is frozen (SIGSTOP) meanwhile takes so much
/// longer.
const SEND: SignedDuration = SignedDuration::from_secs(2);

/// How exact the times of PostgreSQL's clock are, and the order of two entries of different clients.
const PRECISION: SignedDuration = SignedDuration::from_millis(100);

/// The longest time from the decision to send, by PostgreSQL's clock, to the send itself: a lease (`DELIVERY_LEASE_SECS`).
/// The worker measures this time by its own clock. So a step of PostgreSQL's clock that happens meanwhile counts for the
/// next decision only.
const DECISION: SignedDuration = SignedDuration::from_secs(30);

/// Judges the times of sends. Whether a notification is due or expired is decided by PostgreSQL's clock, which steps during
/// the run; the receivers' ledger has times of the machine's clock.
#[derive(Clone, Debug, Default)]
pub struct SendTimes {
    clock: ClockHistory,
    /// When a worker was frozen, in order.
    freezes: Vec<(Timestamp, Timestamp)>,
    /// When a worker, PostgreSQL or a connection between the two was slow or silent, in order.
    stalls: Vec<(Timestamp, Timestamp)>,
}

/// A period, by the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl SendTimes {
    pub fn new(
        clock: ClockHistory,
        mut freezes: Vec<(Timestamp, Timestamp)>,
        mut stalls: Vec<(Timestamp, Timestamp)>,
    ) -> Self {
        freezes.sort_unstable();
        stalls.sort_unstable();
        Self {
            clock,
            freezes,
            stalls,
        }
    }

    /// When the row of an attempt was written at `recorded`, a time of PostgreSQL's clock. Several times if a step back repeated
    /// it, and none if a step skipped it. A change of the recipient that was answered before waited for the transaction that
    /// wrote the row, or was seen by it.
    pub fn written(&self, recorded: Timestamp) -> impl Iterator<Item = Period> {
        self.clock.machine_times(recorded).map(|until| Period {
            from: shift(until, -PRECISION),
            until,
        })
    }

    /// When the transaction decided that began at `recorded`, a time of PostgreSQL's clock.
    pub fn decisions_after(&self, recorded: Timestamp) -> impl Iterator<Item = Period> {
        self.clock.machine_times(recorded).map(|at| Period {
            from: at,
            until: ended(at, &self.stalls),
        })
    }

    /// The period in which an attempt must have begun of which a copy arrived at `arrived`.
    pub fn attempt_of(&self, arrived: Timestamp) -> Period {
        Period {
            from: shift(self.began(arrived), -DECISION),
            until: arrived,
        }
    }

    /// Whether an attempt that began at `recorded`, a time of PostgreSQL's clock, may be the one that began in `period`.
    pub fn is_within(&self, recorded: Timestamp, period: Period) -> bool {
        let mut times = self.clock.machine_times(recorded).peekable();
        times.peek().is_none() || times.any(|at| (period.from..=period.until).contains(&at))
    }

    /// Whether a copy that arrived at `arrived` was sent before `send_at`: PostgreSQL's clock had not shown this time.
    pub fn is_early(&self, arrived: Timestamp, send_at: Timestamp) -> bool {
        let ahead = self.differences(arrived).max().unwrap_or_default();
        shift(arrived, ahead) < send_at
    }

    /// Whether PostgreSQL's clock had shown `time` or later during the whole period.
    pub fn is_over(&self, period: Period, time: Timestamp) -> bool {
        let from = shift(period.from, -PRECISION);
        let behind = self.clock.differences(from, period.until).min();
        shift(from, behind.unwrap_or_default()) >= time
    }

    /// Whether a copy that arrived at `arrived` was sent at `expires_at` or later: even the earliest time at which the send
    /// may have begun is not before the expiry, by PostgreSQL's clock.
    pub fn is_late(&self, arrived: Timestamp, expires_at: Timestamp) -> bool {
        let behind = self.differences(arrived).min().unwrap_or_default();
        shift(self.began(arrived), behind) >= expires_at
    }

    /// Whether an in-app notification was processed before `send_at`. `processed` is a time of PostgreSQL's clock.
    pub fn is_processed_early(&self, processed: Timestamp, send_at: Timestamp) -> bool {
        let mut times = self.clock.machine_times(processed).peekable();
        // The clock cannot have shown a time that a step skipped, except at the very moment of the step.
        times.peek().is_some() && times.all(|time| self.is_early(time, send_at))
    }

    /// When an in-app notification was processed, by the machine's clock: the earliest possible time. `processed` is a time of
    /// PostgreSQL's clock.
    pub fn machine_time(&self, processed: Timestamp) -> Option<Timestamp> {
        self.clock.machine_times(processed).min()
    }

    /// The differences of PostgreSQL's clock that may have decided about a copy.
    fn differences(&self, arrived: Timestamp) -> impl Iterator<Item = SignedDuration> {
        let decided = shift(self.began(arrived), -DECISION);
        self.clock.differences(decided, arrived)
    }

    /// The earliest time at which the send of a copy may have begun.
    fn began(&self, arrived: Timestamp) -> Timestamp {
        began(arrived, &self.freezes)
    }
}

/// The earliest time at which something may have begun that takes [`SEND`] and ended at `ended`, if it stops during `stops`.
fn began(ended: Timestamp, stops: &[(Timestamp, Timestamp)]) -> Timestamp {
    let mut began = shift(ended, -SEND);
    for (from, until) in stops.iter().rev() {
        if *from < ended && *until >= began {
            let stopped_for = (*until).min(ended).duration_since(*from);
            began = shift(began, -stopped_for);
        }
    }
    began
}

/// The latest time at which something may have ended that takes [`SEND`] and began at `began`, if it stops during `stops`.
fn ended(began: Timestamp, stops: &[(Timestamp, Timestamp)]) -> Timestamp {
    let mut ended = shift(began, SEND);
    for (from, until) in stops {
        if *until > began && *from <= ended {
            let stopped_for = until.duration_since((*from).max(began));
            ended = shift(ended, stopped_for);
        }
    }
    ended
}

/// Adds a duration to a time.
fn shift(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).expect("a time")
    }

    /// A clock that steps at these seconds to these differences in seconds.
    fn times(steps: &[(i64, i64)], freezes: &[(i64, i64)]) -> SendTimes {
        let mut clock = ClockHistory::default();
        for (second, difference) in steps {
            clock.record(at(second * 1_000), SignedDuration::from_secs(*difference));
        }
        let freezes = freezes
            .iter()
            .map(|(from, until)| (at(from * 1_000), at(until * 1_000)));
        SendTimes::new(clock, freezes.collect(), Vec::new())
    }

    #[test]
    fn a_decision_takes_longer_while_its_ways_are_slow() {
        let mut times = times(&[(100, 60), (110, 0)], &[]);
        times.stalls = vec![(at(20_000), at(30_000)), (at(28_000), at(33_000))];
        let millis = |time: Timestamp| time.duration_since(at(0)).as_millis();
        let periods = |recorded| {
            let periods = times.written(at(recorded));
            let periods = periods.map(|one| (millis(one.from), millis(one.until)));
            periods.collect::<Vec<_>>()
        };
        assert_eq!(periods(9_000), [(8_900, 9_000)]);
        assert_eq!(periods(165_000), [(104_900, 105_000), (164_900, 165_000)]);
        assert_eq!(periods(105_000), [], "the step skipped it");
        let until = |recorded| {
            let mut after = times.decisions_after(at(recorded));
            after.next().map(|period| period.until)
        };
        assert_eq!(until(9_000), Some(at(11_000)));
        assert_eq!(until(19_000), Some(at(36_000)));
    }

    #[test]
    fn a_copy_belongs_to_an_attempt_that_began_in_the_time_of_a_lease() {
        let times = times(&[(100, 60), (110, 0)], &[(50, 60)]);
        let period = times.attempt_of(at(61_000));
        assert_eq!(period.from, at(19_000));
        for (recorded, is_within) in [(18_999, false), (19_000, true), (61_001, false)] {
            assert_eq!(times.is_within(at(recorded), period), is_within);
        }
        assert!(times.is_within(at(105_000), period), "nobody knows when");
    }

    #[test]
    fn without_steps_nothing_is_sent_before_its_time_or_long_after_its_expiry() {
        let times = times(&[], &[]);
        assert!(times.is_early(at(9_999), at(10_000)));
        assert!(!times.is_early(at(10_000), at(10_000)));
        assert!(!times.is_late(at(11_999), at(10_000)), "it was under way");
        assert!(times.is_late(at(12_000), at(10_000)));
    }

    #[test]
    fn a_frozen_worker_sends_so_much_later() {
        let times = times(&[], &[(5, 8), (9, 20)]);
        assert!(!times.is_late(at(22_000), at(10_000)));
        assert!(times.is_late(at(40_000), at(10_000)));
        assert!(times.is_early(at(9_999), at(10_000)));
    }

    #[test]
    fn the_clock_of_postgresql_decides() {
        // 60 s ahead from 100 until 110.
        let ahead = times(&[(100, 60), (110, 0)], &[]);
        assert!(!ahead.is_early(at(101_000), at(160_000)));
        assert!(ahead.is_early(at(101_000), at(162_000)));
        assert!(ahead.is_early(at(99_000), at(150_000)), "before the step");
        assert!(!ahead.is_early(at(120_000), at(150_000)), "claimed at 105");
        assert!(ahead.is_early(at(145_000), at(150_000)), "claimed later");
        assert!(
            !ahead.is_late(at(101_000), at(150_000)),
            "claimed before the step"
        );
        // 60 s behind from 100 until 110.
        let behind = times(&[(100, -60), (110, 0)], &[]);
        assert!(!behind.is_late(at(109_000), at(50_000)));
        assert!(behind.is_late(at(109_000), at(45_000)));
        assert!(behind.is_late(at(150_000), at(100_000)));
    }

    #[test]
    fn an_in_app_notification_is_judged_by_the_time_in_its_row() {
        // 60 s behind from 100 until 110: the times from 40 to 50 occur twice.
        let behind = times(&[(100, -60), (110, 0)], &[]);
        assert!(!behind.is_processed_early(at(45_000), at(45_000)));
        assert!(behind.is_processed_early(at(35_000), at(36_000)));
        assert!(
            !behind.is_processed_early(at(45_000), at(46_000)),
            "decided before the step"
        );
    }
}
