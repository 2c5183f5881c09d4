//! What a scheduler does about occurrences that are due.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::CronSchedule;

/// What a scheduler does about the occurrences of a schedule that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// The occurrence to run now: the latest one that is due, if its grace is not over.
    pub run: Option<Timestamp>,
    /// How many due occurrences do not run, at most [`CatchUp::MAX_COUNTED`].
    pub skipped: u64,
    /// The next occurrence. `None` if the schedule has ended.
    pub next: Option<Timestamp>,
}

impl CatchUp {
    /// The largest [`CatchUp::skipped`], which then means "at least": a week of a pattern that occurs every minute.
    /// Limits the work after a long outage.
    pub const MAX_COUNTED: u64 = 7 * 24 * 60;

    /// The shortest grace. Occurrences are at least a minute apart, and a scheduler that is on time is late by less than
    /// that.
    pub const MIN_GRACE: Duration = Duration::from_mins(1);
}

impl CronSchedule {
    /// What to do at `now` if `next_at` is the first occurrence that has not run.
    ///
    /// After an outage, several occurrences may be due. At most one runs: the latest, because it is what the recipient
    /// expects to get last and is the least outdated. It runs if it is late by at most `grace`. A shorter grace than
    /// [`CatchUp::MIN_GRACE`] counts as that. `next_at` counts as an occurrence even if the pattern no longer matches it.
    ///
    /// The work is limited: about a hundred searches for the latest occurrence, and [`CatchUp::MAX_COUNTED`] to count
    /// those that are skipped.
    #[must_use]
    pub fn after_outage(&self, next_at: Timestamp, now: Timestamp, grace: Duration) -> CatchUp {
        if next_at > now {
            return CatchUp {
                run: None,
                skipped: 0,
                next: Some(next_at),
            };
        }
        let latest = self.latest_until(now, next_at);
        let grace = grace.max(CatchUp::MIN_GRACE);
        let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
        let run = Some(latest).filter(|latest| latest.duration_until(now) <= grace);
        let earlier = std::iter::successors(Some(next_at), |last| self.next_after(*last))
            .take_while(|occurrence| *occurrence < latest);
        let earlier: u64 = (0..CatchUp::MAX_COUNTED).zip(earlier).map(|_| 1).sum();
        // `latest` itself is skipped if it does not run.
        let skipped = earlier + u64::from(run.is_none());
        CatchUp {
            run,
            skipped: skipped.min(CatchUp::MAX_COUNTED),
            next: self.next_after(now),
        }
    }

    /// The latest occurrence until `end`, by bisection. `latest` is an occurrence that is not after `end`.
    fn latest_until(&self, end: Timestamp, mut latest: Timestamp) -> Timestamp {
        let until_end = |after| self.next_after(after).filter(|next| *next <= end);
        // No occurrence is after `empty_from` and not after `end`.
        let mut empty_from = end;
        while let Some(later) = until_end(latest) {
            latest = later;
            let half = latest.duration_until(empty_from) / 2;
            let middle = latest.checked_add(half).unwrap_or(latest);
            match until_end(middle) {
                Some(later) => latest = later,
                None => empty_from = middle,
            }
        }
        latest
    }
}
