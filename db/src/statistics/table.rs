use std::time::Duration;

use tidings_domain::statistics::{HOURS_KEPT, MINUTES_KEPT, Step};

/// A table of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Minutes,
    Hours,
}

impl Table {
    pub(super) const ALL: [Self; 2] = [Self::Minutes, Self::Hours];

    /// The table whose figures are fine enough.
    pub(super) const fn for_step(step: Step) -> Self {
        match step {
            Step::Minute => Self::Minutes,
            Step::Hour | Step::Day => Self::Hours,
        }
    }

    /// The step of its figures.
    pub(super) const fn step(self) -> Step {
        match self {
            Self::Minutes => Step::Minute,
            Self::Hours => Step::Hour,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minutes => "stats_minute",
            Self::Hours => "stats_hour",
        }
    }

    /// The column that says which minute or hour.
    pub(super) const fn time(self) -> &'static str {
        match self {
            Self::Minutes => "minute",
            Self::Hours => "hour",
        }
    }

    /// The number of minutes in a row.
    pub(super) const fn minutes(self) -> i64 {
        match self {
            Self::Minutes => 1,
            Self::Hours => 60,
        }
    }

    pub(super) const fn kept(self) -> Duration {
        match self {
            Self::Minutes => MINUTES_KEPT,
            Self::Hours => HOURS_KEPT,
        }
    }
}
