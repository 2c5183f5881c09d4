//! `tidings sending status`.

use anyhow::Context;
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::sending_switches::{self, SendingSwitch, SendingSwitches};
use tidings_domain::notification::DeliveredChannel;

use crate::output::{CommandOutput, Text, printable, table};

/// Shows the channels and the switches.
pub async fn run(database: &Database) -> anyhow::Result<CommandOutput> {
    let (switches, counts) = database
        .run(async |client| {
            let switches = sending_switches::list(client).await?;
            Ok((switches, sending_switches::in_flight(client).await?))
        })
        .await
        .context("cannot read which channels are stopped")?;
    let channels = counts.iter().map(|(channel, in_flight)| {
        json!({
            "channel": channel.as_str(),
            "stopped": switches.stop_of(*channel).is_some(),
            "inFlight": in_flight,
        })
    });
    let json = json!({
        "channels": channels.collect::<Vec<_>>(),
        "switches": switches.0.iter().map(json_of).collect::<Vec<_>>(),
    });
    CommandOutput::new(text(&switches, &counts), json)
}

fn json_of(switch: &SendingSwitch) -> Value {
    json!({
        "channel": switch.scope.as_str(),
        "stopped": switch.stopped,
        "reason": switch.reason,
        "by": switch.by,
        "at": switch.at,
    })
}

fn text(switches: &SendingSwitches, counts: &[(DeliveredChannel, u64)]) -> Text {
    let head = ["CHANNEL", "STATE", "IN FLIGHT", "SINCE", "BY", "REASON"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (channel, in_flight) in counts {
        let mut row = vec![channel.as_str().to_owned()];
        match switches.stop_of(*channel) {
            None => row.extend(["sends".to_owned(), in_flight.to_string()]),
            Some(stop) => row.extend([
                "stopped".to_owned(),
                in_flight.to_string(),
                format!("{:.0}", stop.at),
                printable(&stop.by),
                printable(stop.reason.as_deref().unwrap_or_default()),
            ]),
        }
        rows.push(row);
    }
    table(&rows).into()
}
