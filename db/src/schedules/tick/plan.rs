use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use tidings_domain::notification::{Notification, ScheduleId};

use crate::schedules::{InvalidScheduleRow, ScheduleRow};

/// What a tick does with one schedule.
pub(super) struct Plan {
    pub(super) id: ScheduleId,
    /// The notification of the occurrence that runs now.
    pub(super) notification: Option<Notification>,
    /// The next occurrence.
    pub(super) next_at: Option<Timestamp>,
    /// How many occurrences do not run.
    pub(super) skipped: u64,
    /// Why the schedule cannot run.
    pub(super) failure: Option<String>,
}

impl Plan {
    /// Plans a due schedule at `now`.
    pub(super) fn of(row: &ScheduleRow, now: Timestamp) -> Self {
        // A pattern that makes the search panic must not end the worker, nor the next one.
        let planned = catch_unwind(AssertUnwindSafe(|| Self::try_of(row, now)));
        let problem = match planned {
            Ok(Ok(plan)) => return plan,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the next occurrence cannot be computed".to_owned(),
        };
        Self {
            id: row.id,
            notification: None,
            next_at: None,
            skipped: 1,
            failure: Some(format!("invalid_schedule: {problem}")),
        }
    }

    fn try_of(row: &ScheduleRow, now: Timestamp) -> Result<Self, InvalidScheduleRow> {
        let definition = row.definition()?;
        // A due schedule has a next occurrence.
        let due = row.next_at.unwrap_or(now);
        let grace = definition.grace.duration();
        let catch_up = definition.recurrence.after_outage(due, now, grace);
        let notification = catch_up
            .run
            .map(|occurrence| definition.notification(row.id, occurrence, now));
        Ok(Self {
            id: row.id,
            notification,
            next_at: catch_up.next,
            skipped: catch_up.skipped,
            failure: None,
        })
    }

    /// The occurrence that runs.
    pub(super) fn ran_at(&self) -> Option<Timestamp> {
        self.notification.as_ref()?.window.not_before
    }

    /// The schedule cannot run: it is paused.
    pub(super) fn fail(&mut self, reason: String) {
        self.skipped += u64::from(self.notification.take().is_some());
        self.next_at = None;
        self.failure = Some(reason);
    }
}
