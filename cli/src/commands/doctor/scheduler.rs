//! The check of the schedulers.

use std::time::Duration;

use tidings_db::{Database, notifications, scheduler_heartbeats};

use super::CheckResults;

/// Longer than any poll or pause of a scheduler that works.
const LATE: Duration = Duration::from_mins(1);

const REMEDY: &str =
    "start a worker whose WORKER_CHANNELS contains `scheduler`, as the default does";

/// Checks that a scheduler runs, and that no scheduled notification is late.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| {
        let overdue = notifications::overdue(client).await?;
        Ok((overdue, scheduler_heartbeats::last_beat(client).await?))
    });
    match asked.await {
        Ok((overdue, last_beat)) => report(overdue, last_beat, results),
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
