//! The check of digests.

use std::time::Duration;

use tidings_db::{Database, digests};

use super::CheckResults;

/// The name of the check.
const CHECK: &str = "digests";

/// Longer than any poll or pause of a scheduler that works, and than its wait for one locked digest.
const LATE: Duration = Duration::from_mins(1);

/// Checks that no digest is open although its time is over.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| digests::overdue(client).await);
    match asked.await {
        Ok(overdue) => report(overdue, results),
        Err(error) => results.error(
            CHECK,
            format!("cannot read the digests: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(overdue: Option<Duration>, results: &mut CheckResults) {
    match overdue.filter(|late| *late >= LATE) {
        None => results.ok(CHECK, "no digest is late"),
        Some(late) => results.warn(
            CHECK,
            format!(
                "the oldest digest whose time is over is {} s late: its notifications wait",
                late.as_secs()
            ),
            "check that a worker runs whose WORKER_CHANNELS contains `scheduler`; if one runs, its log says why the digest \
             cannot be closed",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn severity(overdue: Option<Duration>) -> Severity {
        let mut results = CheckResults::default();
        report(overdue, &mut results);
        assert_eq!(results.0.len(), 1);
        results.0[0].severity
    }

    #[test]
    fn a_digest_may_be_late_by_less_than_a_minute() {
        assert_eq!(severity(None), Severity::Ok);
        assert_eq!(severity(Some(Duration::from_secs(59))), Severity::Ok);
        assert_eq!(severity(Some(LATE)), Severity::Warning);
    }
}
