//! The check of the deletions of users.

use std::time::Duration;

use tidings_db::Database;
use tidings_db::user_deletions::{self, Backlog};

use super::CheckResults;
use tidings_domain::count;

/// The name of the check.
const CHECK: &str = "deletions";

/// The limit a day may delay a deletion for some days.
const LATE: Duration = Duration::from_hours(7 * 24);

/// Checks that no deletion waits for long because of the limit a day.
pub async fn check(database: &Database, results: &mut CheckResults) {
    match database
        .run(async |client| user_deletions::backlog(client).await)
        .await
    {
        Ok(backlog) => report(backlog, results),
        Err(error) => results.error(
            CHECK,
            format!("cannot read the deletions of users: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(backlog: Backlog, results: &mut CheckResults) {
    let late = backlog.oldest.filter(|late| *late >= LATE);
    match late {
        Some(late) => {
            let due = usize::try_from(backlog.due).unwrap_or(usize::MAX);
            results.warn(
                CHECK,
                format!(
                    "{} due, the oldest for {} days",
                    count(due, "deletion"),
                    late.as_secs() / 86_400
                ),
                "check that a worker runs whose WORKER_CHANNELS contains `scheduler`, raise DELETIONS_PER_DAY, or run \
                 `tidings users erase --now`",
            );
        }
        None => results.ok(CHECK, "no deletion of a user is more than 7 days late"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn deletions_that_wait_for_a_week_are_a_warning() {
        for (days, expected) in [(6, Severity::Ok), (7, Severity::Warning)] {
            let mut results = CheckResults::default();
            let backlog = Backlog {
                due: 3,
                oldest: Some(Duration::from_hours(days * 24)),
            };
            report(backlog, &mut results);
            let severities: Vec<_> = results.0.iter().map(|one| one.severity).collect();
            assert_eq!(severities, [expected]);
        }
    }
}
