//! Recurring schedules.

use jiff::{SignedDuration, Timestamp};

use super::CronPattern;
use super::local_times::next_instant;
use crate::time::Timezone;

/// A cron pattern in a time zone, in a period.
///
/// Its occurrences are whole minutes, or the instants of a clock change. They are at least a minute apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronSchedule {
    pattern: CronPattern,
    timezone: Timezone,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

/// The parts give no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCronSchedule {
    /// The end is before the start.
    #[error("endsAt must not be before startsAt")]
    EndsBeforeStart,
    /// The pattern does not occur in the rest of the period.
    #[error("the schedule has no occurrence from now until it ends")]
    Never,
}

impl InvalidCronSchedule {
    /// The code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EndsBeforeStart => "ends_before_start",
            Self::Never => "cron_never",
        }
    }
}

impl CronSchedule {
    /// The most occurrences that [`CronSchedule::occurrences`] returns.
    pub const MAX_OCCURRENCES: usize = 500;

    /// A schedule that occurs from `starts_at` to `ends_at`. Both belong to the period, as in RFC 5545 (`UNTIL`).
    ///
    /// # Errors
    ///
    /// Returns an error if the period ends before it starts.
    pub fn new(
        pattern: CronPattern,
        timezone: Timezone,
        starts_at: Option<Timestamp>,
        ends_at: Option<Timestamp>,
    ) -> Result<Self, InvalidCronSchedule> {
        if starts_at
            .zip(ends_at)
            .is_some_and(|(start, end)| end < start)
        {
            return Err(InvalidCronSchedule::EndsBeforeStart);
        }
        Ok(Self {
            pattern,
            timezone,
            starts_at,
            ends_at,
        })
    }

    /// The pattern.
    #[must_use]
    pub const fn pattern(&self) -> &CronPattern {
        &self.pattern
    }

    /// The time zone.
    #[must_use]
    pub const fn timezone(&self) -> &Timezone {
        &self.timezone
    }

    /// The first instant of the period.
    #[must_use]
    pub const fn starts_at(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// The last instant of the period.
    #[must_use]
    pub const fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// The first occurrence of a schedule that is created at `now`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCronSchedule::Never`] if there is none.
    pub fn first(&self, now: Timestamp) -> Result<Timestamp, InvalidCronSchedule> {
        self.next_after(now).ok_or(InvalidCronSchedule::Never)
    }

    /// The first occurrence after `instant`. Returns `None` if the schedule has ended.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let before_start = self
            .starts_at
            .and_then(|start| start.checked_sub(SignedDuration::from_nanos(1)).ok());
        let after = before_start.map_or(instant, |start| start.max(instant));
        next_instant(&self.pattern, &self.timezone, after)
            .filter(|next| self.ends_at.is_none_or(|end| *next <= end))
    }

    /// The first `count` occurrences after `instant`, at most [`CronSchedule::MAX_OCCURRENCES`].
    #[must_use]
    pub fn occurrences(&self, instant: Timestamp, count: usize) -> Vec<Timestamp> {
        let first = self.next_after(instant);
        let occurrences = std::iter::successors(first, |last| self.next_after(*last));
        occurrences.take(count.min(Self::MAX_OCCURRENCES)).collect()
    }
}
