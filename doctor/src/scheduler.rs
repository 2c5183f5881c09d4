//! The check of the schedulers.

use std::time::Duration;

use tidings_db::{Database, notifications, scheduler_heartbeats};

use super::CheckResults;

/// Longer than any poll or pause of a scheduler that works.
const LATE: Duration = Duration::from_mins(1);

const REMEDY: &str =
    "start a worker whose WORKER_CHANNELS contains `scheduler`, as the default does";

/// The version of this program, and of the API and the worker that belong to it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Checks that a scheduler runs, that no scheduled notification is late, and that the workers have the version of this
/// program.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| {
        let overdue = notifications::overdue(client).await?;
        let last_beat = scheduler_heartbeats::last_beat(client).await?;
        let versions = scheduler_heartbeats::running_versions(client).await?;
        Ok((overdue, last_beat, versions))
    });
    match asked.await {
        Ok((overdue, last_beat, versions)) => {
            report(overdue, last_beat, results);
            report_versions(&versions, results);
        }
        Err(error) => results.error(
            "scheduler",
            format!("cannot read when a scheduler last ran: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(overdue: Option<Duration>, last_beat: Option<Duration>, results: &mut CheckResults) {
    let runs = last_beat.is_some_and(|age| age < LATE);
    let late = overdue
        .filter(|late| *late >= LATE)
        .map(|late| late.as_secs());
    match (runs, late) {
        (true, None) => results.ok("scheduler", "a scheduler runs, and no notification is late"),
        (true, Some(late)) => results.warn(
            "scheduler",
            format!("a scheduler runs, but the oldest due notification is {late} s late"),
            "check that RabbitMQ accepts messages, and start more workers with `scheduler` in WORKER_CHANNELS",
        ),
        (false, Some(late)) => results.error(
            "scheduler",
            format!("a scheduled notification is {late} s late, and no scheduler has run within a minute"),
            REMEDY,
        ),
        (false, None) => results.warn(
            "scheduler",
            "no scheduler has run within a minute: scheduled notifications would not be sent",
            REMEDY,
        ),
    }
}

fn report_versions(running: &[String], results: &mut CheckResults) {
    let others: Vec<&str> = running
        .iter()
        .map(String::as_str)
        .filter(|version| *version != VERSION)
        .collect();
    if others.is_empty() {
        results.ok("versions", "no worker of another version runs a scheduler");
    } else {
        results.warn(
            "versions",
            format!("this is version {VERSION}, but workers of {} run", others.join(", ")),
            "upgrade all workers, and only then the API: a worker of an older version makes dead letters \
             (`unknown_version`) of notifications with newer members, which `tidings dlq replay` repeats",
        );
    }
}
