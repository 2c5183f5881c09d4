//! The check of the switches that stop sending.

use tidings_db::Database;
use tidings_db::sending_switches::{self, SendingSwitch, SendingSwitches};

use super::CheckResults;

/// Says which channels an operator has stopped.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| sending_switches::list(client).await);
    match asked.await {
        Ok(switches) => report(&switches, results),
        Err(error) => results.error(
            "sending",
            format!("cannot read which channels are stopped: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(switches: &SendingSwitches, results: &mut CheckResults) {
    let stopped: Vec<String> = switches
        .0
        .iter()
        .filter(|switch| switch.stopped)
        .map(describe)
        .collect();
    if stopped.is_empty() {
        results.ok("sending", "no channel is stopped");
    } else {
        results.info(
            "sending",
            format!("sending is stopped: {}", stopped.join("; ")),
            "to send again, run `tidings sending start`, with `--channel` if it is one channel",
        );
    }
}

fn describe(switch: &SendingSwitch) -> String {
    let reason = switch.reason.as_deref().unwrap_or_default();
    let (channel, by, at) = (switch.scope, &switch.by, switch.at);
    format!("{channel} by {by} at {at:.0}: {reason}")
}
