//! The check of recurring schedules.

use std::time::Duration;

use tidings_db::Database;
use tidings_db::schedules::{self, FailedSchedules};

use super::CheckResults;
use tidings_domain::count;

/// The name of the check.
const CHECK: &str = "schedules";

/// The most failed schedules that a message names.
const MAX_NAMED: u32 = 5;

/// Longer than any poll or pause of a scheduler that works.
const LATE: Duration = Duration::from_mins(1);

/// Checks that no schedule is late, and that no failure has paused one.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| {
        let overdue = schedules::overdue(client).await?;
        Ok((overdue, schedules::failed(client, MAX_NAMED).await?))
    });
    match asked.await {
        Ok((overdue, failed)) => report(overdue, &failed, results),
        Err(error) => results.error(
            CHECK,
            format!("cannot read the recurring schedules: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(overdue: Option<Duration>, failed: &FailedSchedules, results: &mut CheckResults) {
    let late = overdue.filter(|late| *late >= LATE);
    if let Some(late) = late {
        let late = late.as_secs();
        results.warn(
            CHECK,
            format!("the oldest due schedule is {late} s late"),
            "check that a worker runs whose WORKER_CHANNELS contains `scheduler`",
        );
    }
    if failed.count > 0 {
        let number = usize::try_from(failed.count).unwrap_or(usize::MAX);
        let named: Vec<_> = failed
            .newest
            .iter()
            .map(|(id, reason)| format!("{id} ({reason})"))
            .collect();
        results.warn(
            CHECK,
            format!(
                "{} paused by a failure: {}",
                count(number, "schedule"),
                named.join(", ")
            ),
            "correct the cause, then run `tidings schedules resume` or `tidings schedules delete` with each id; \
             `tidings schedules list --failed` lists all",
        );
    } else if late.is_none() {
        results.ok(CHECK, "no schedule is late or paused by a failure");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn severities(overdue: Option<Duration>, count: u64) -> Vec<Severity> {
        let mut results = CheckResults::default();
        let failed = FailedSchedules {
            count,
            newest: Vec::new(),
        };
        report(overdue, &failed, &mut results);
        results.0.iter().map(|result| result.severity).collect()
    }

    #[test]
    fn lateness_and_failures_are_warnings() {
        assert_eq!(severities(None, 0), [Severity::Ok]);
        assert_eq!(severities(Some(Duration::from_secs(59)), 0), [Severity::Ok]);
        assert_eq!(severities(Some(LATE), 0), [Severity::Warning]);
        assert_eq!(severities(None, 1), [Severity::Warning]);
        let both = [Severity::Warning, Severity::Warning];
        assert_eq!(severities(Some(LATE), 2), both);
    }
}
