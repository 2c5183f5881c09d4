//! The check of retention.

use std::time::Duration;

use jiff::Timestamp;
use tidings_db::Database;
use tidings_db::retention::{self, Figures};

use super::{CheckResults, in_time};
use tidings_domain::count;

/// Longer than the time between two sweeps.
const LATE: Duration = Duration::from_hours(1);

/// Reports how much is kept, and checks that sweeps run.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| retention::figures(client).await);
    match in_time(asked).await {
        Ok(figures) => report(&figures, Timestamp::now(), results),
        Err(error) => results.error(
            "retention",
            format!("cannot read how much is kept: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(figures: &Figures, now: Timestamp, results: &mut CheckResults) {
    let rows = usize::try_from(figures.rows).unwrap_or(usize::MAX);
    let mebibytes = figures.bytes >> 20;
    let oldest = figures.oldest.map_or_else(
        || "there is no notification".to_owned(),
        |oldest| {
            let days = now.duration_since(oldest).as_hours() / 24;
            format!(
                "the oldest is {} old",
                count(usize::try_from(days).unwrap_or(0), "day")
            )
        },
    );
    let kept = format!(
        "about {} ({mebibytes} MiB), {oldest}",
        count(rows, "notification")
    );
    match figures.last_sweep_age {
        Some(age) if age <= LATE => {
            let minutes = usize::try_from(age.as_secs() / 60).unwrap_or(usize::MAX);
            let ago = count(minutes, "minute");
            results.ok(
                "retention",
                format!("{kept}; retention last swept {ago} ago"),
            );
        }
        late => {
            let since = late.map_or_else(
                || "has never swept".to_owned(),
                |age| format!("last swept {} h ago", age.as_secs() / 3600),
            );
            results.warn(
                "retention",
                format!("{kept}; retention {since}"),
                "start a worker whose WORKER_CHANNELS contains `scheduler`, as the default does, and look into its log; \
                 `tidings retention run` sweeps at once",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::Severity;
    use super::*;

    #[test]
    fn retention_that_does_not_run_is_a_warning() {
        let now: Timestamp = "2027-01-31T12:00:00Z".parse().expect("a timestamp");
        let report = |last_sweep_age| {
            let figures = Figures {
                rows: 1_500_000,
                bytes: 3 << 30,
                oldest: Some(now - SignedDuration::from_hours(49)),
                last_sweep: None,
                last_sweep_age,
                payloads_removed: 0,
                rows_deleted: 0,
                dead_letters_removed: 0,
            };
            let mut results = CheckResults::default();
            super::report(&figures, now, &mut results);
            let result = results.0.remove(0);
            (result.severity, result.message)
        };
        let (severity, message) = report(Some(Duration::from_secs(200)));
        assert_eq!(severity, Severity::Ok);
        let expected = "about 1500000 notifications (3072 MiB), the oldest is 2 days old; retention last swept 3 minutes ago";
        assert_eq!(message, expected);
        for (age, words) in [
            (None, "has never swept"),
            (Some(Duration::from_hours(5)), "last swept 5 h ago"),
        ] {
            let (severity, message) = report(age);
            assert_eq!(severity, Severity::Warning);
            assert!(message.ends_with(words), "{message}");
        }
    }
}
