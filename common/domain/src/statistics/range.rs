use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::query::QueryProblem;

/// How long the figures of minutes are kept.
pub const MINUTES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long the figures of hours are kept.
pub const HOURS_KEPT: Duration = Duration::from_hours(400 * 24);

/// Maximum number of points in a series: a day of minutes, and a little more.
pub const MAX_POINTS: i64 = 1500;

/// How much longer ago than the oldest figures a period may begin. A client computes times a moment before it asks.
const SLACK: SignedDuration = SignedDuration::from_mins(1);

/// The time between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// How long figures are kept that are as fine as this.
    const fn kept(self) -> Duration {
        match self {
            Self::Minute => MINUTES_KEPT,
            Self::Hour | Self::Day => HOURS_KEPT,
        }
    }

    /// The shortest step with which a period needs at most [`MAX_POINTS`] points, and whose figures are kept so long.
    fn shortest_for(seconds: i64, age: SignedDuration) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|step| seconds / step.seconds() < MAX_POINTS && age.unsigned_abs() <= step.kept())
    }

    fn floor(self, time: Timestamp) -> i64 {
        time.as_second().div_euclid(self.seconds())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1m, 1h or 1d")]
pub struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|step| step.as_str() == text).ok_or(UnknownStep)
    }
}

/// A period of whole steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatsRange {
    step: Step,
    /// The first step, counted from the Unix epoch.
    first: i64,
    /// The number of steps.
    count: i64,
}

impl StatsRange {
    /// The steps that contain the period from `from` to `to`. A later end than `now` counts as `now`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong, and what to do: the period is empty, has too many steps, or begins before what is kept.
    pub fn new(
        from: Timestamp,
        to: Timestamp,
        step: Step,
        now: Timestamp,
    ) -> Result<Self, QueryProblem> {
        let to = to.min(now);
        if from >= to {
            let message = "must be before the end of the period, and in the past";
            return Err(QueryProblem::new("from", message));
        }
        let age = now.duration_since(from) - SLACK;
        if age.is_positive() && age.unsigned_abs() > HOURS_KEPT {
            let days = HOURS_KEPT.as_secs() / 86_400;
            let message = format!("is too long ago: figures are kept for {days} days");
            return Err(QueryProblem::new("from", message));
        }
        let first = step.floor(from);
        // The step that contains the last moment before `to`.
        let last = step.floor(
            to.saturating_sub(SignedDuration::from_nanos(1))
                .unwrap_or(from),
        );
        let count = last - first + 1;
        let longest = count.saturating_mul(step.seconds());
        let other = || match Step::shortest_for(longest, age.max(SignedDuration::ZERO)) {
            Some(other) if other > step => format!("use step={other}, or a shorter period"),
            _ => "use a shorter period".to_owned(),
        };
        if age.is_positive() && age.unsigned_abs() > step.kept() {
            let days = step.kept().as_secs() / 86_400;
            let message = format!(
                "is too short for this period: minutes are kept for {days} days; {}",
                other()
            );
            return Err(QueryProblem::new("step", message));
        }
        if count > MAX_POINTS {
            let message = format!(
                "gives {count} points, and at most {MAX_POINTS} are returned; {}",
                other()
            );
            return Err(QueryProblem::new("step", message));
        }
        Ok(Self { step, first, count })
    }

    /// The step.
    #[must_use]
    pub const fn step(self) -> Step {
        self.step
    }

    /// The start of the first step.
    #[must_use]
    pub fn from(self) -> Timestamp {
        self.time_of(0)
    }

    /// The end of the last step, which is not part of the period.
    #[must_use]
    pub fn to(self) -> Timestamp {
        self.time_of(self.len())
    }

    /// The number of steps.
    #[must_use]
    pub fn len(self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    /// Whether there are no steps, which never happens.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The start of a step.
    #[must_use]
    pub fn time_of(self, place: usize) -> Timestamp {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let seconds = self
            .first
            .saturating_add(place)
            .saturating_mul(self.step.seconds());
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    }

    /// The place of the step that contains a time; `None` outside of the period.
    #[must_use]
    pub fn place_of(self, time: Timestamp) -> Option<usize> {
        let place = self.step.floor(time) - self.first;
        usize::try_from(place)
            .ok()
            .filter(|place| *place < self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    const NOW: &str = "2026-11-28T12:34:56Z";

    fn range(from: &str, to: &str, step: Step) -> Result<StatsRange, QueryProblem> {
        StatsRange::new(at(from), at(to), step, at(NOW))
    }

    #[test]
    fn a_period_has_every_step_that_it_touches() {
        for (from, to, step, first, end, count) in [
            (
                "2026-11-28T11:34:56Z",
                NOW,
                Step::Minute,
                "2026-11-28T11:34:00Z",
                "2026-11-28T12:35:00Z",
                61,
            ),
            (
                "2026-11-28T11:00:00Z",
                "2026-11-28T12:00:00Z",
                Step::Minute,
                "2026-11-28T11:00:00Z",
                "2026-11-28T12:00:00Z",
                60,
            ),
            (
                "2026-11-28T11:00:00Z",
                "2026-11-28T12:00:00Z",
                Step::Hour,
                "2026-11-28T11:00:00Z",
                "2026-11-28T12:00:00Z",
                1,
            ),
            (
                "2026-11-27T23:59:59Z",
                "2027-01-01T00:00:00Z",
                Step::Day,
                "2026-11-27T00:00:00Z",
                "2026-11-29T00:00:00Z",
                2,
            ),
            (
                "2026-10-29T12:34:30Z",
                NOW,
                Step::Hour,
                "2026-10-29T12:00:00Z",
                "2026-11-28T13:00:00Z",
                721,
            ),
        ] {
            let range = range(from, to, step).expect(from);
            assert_eq!(
                (range.from(), range.to(), range.len()),
                (at(first), at(end), count),
                "{from}"
            );
            assert_eq!(range.place_of(range.from()), Some(0));
            assert_eq!(range.place_of(range.to()), None);
            assert_eq!(range.place_of(range.time_of(count - 1)), Some(count - 1));
        }
    }

    #[test]
    fn what_cannot_be_answered_says_what_to_do() {
        for (from, to, step, field, part) in [
            (NOW, NOW, Step::Minute, "from", "before the end"),
            (
                "2026-11-28T12:00:00Z",
                "2026-11-28T11:00:00Z",
                Step::Minute,
                "from",
                "before the end",
            ),
            (
                "2026-11-29T00:00:00Z",
                "2026-11-30T00:00:00Z",
                Step::Hour,
                "from",
                "in the past",
            ),
            (
                "2026-11-26T12:00:00Z",
                NOW,
                Step::Minute,
                "step",
                "2915 points, and at most 1500 are returned; use step=1h, or",
            ),
            (
                "2026-08-01T00:00:00Z",
                NOW,
                Step::Minute,
                "step",
                "kept for 30 days; use step=1d, or",
            ),
            (
                "2026-10-20T00:00:00Z",
                "2026-10-20T01:00:00Z",
                Step::Minute,
                "step",
                "kept for 30 days; use step=1h, or",
            ),
            (
                "2025-11-20T00:00:00Z",
                NOW,
                Step::Hour,
                "step",
                "use step=1d",
            ),
            (
                "2025-10-20T00:00:00Z",
                NOW,
                Step::Day,
                "from",
                "kept for 400 days",
            ),
        ] {
            let problem = range(from, to, step).expect_err(from);
            assert_eq!(problem.field, field, "{from}: {}", problem.message);
            assert!(
                problem.message.contains(part),
                "{from}: {}",
                problem.message
            );
        }
        // What is kept can be asked for as a whole.
        let now = at(NOW);
        for (kept, step) in [(HOURS_KEPT, Step::Day), (MINUTES_KEPT, Step::Hour)] {
            let from = now - SignedDuration::try_from(kept).expect("in range");
            assert!(StatsRange::new(from, now, step, now).is_ok(), "{step}");
        }
    }
}
