//! The check of the providers, as the workers that run see them.

use jiff::Timestamp;
use tidings_db::Database;
use tidings_db::overview::channel_facts;
use tidings_domain::overview::{ChannelOverview, Facts, ServerState, channels};

use super::CheckResults;

/// The name of the check.
const CHECK: &str = "channels";

/// Says which providers are down.
pub async fn check(database: &Database, results: &mut CheckResults) {
    let asked = database.run(async |client| channel_facts(client).await);
    match asked.await {
        Ok(known) => {
            let facts = Facts {
                at: Timestamp::now(),
                broker: ServerState::Connected,
                queues: Vec::new(),
                max_queue_length: 0,
                database: Some(known),
            };
            report(&channels(&facts), results);
        }
        Err(error) => results.error(
            CHECK,
            format!("cannot read the states of the channels: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

fn report(channels: &[ChannelOverview], results: &mut CheckResults) {
    let down: Vec<_> = channels.iter().filter(|one| one.state == "away").collect();
    for channel in &down {
        let name = channel.channel;
        let provider = channel.provider.as_deref().unwrap_or("the provider");
        let reason = channel.reason.as_deref().unwrap_or("no reason is known");
        results.warn(
            CHECK,
            format!("{provider} is down ({reason}): messages of {name} wait"),
            format!(
                "mend the provider or its settings; `tidings channels probe {name}` tries it at once"
            ),
        );
    }
    if down.is_empty() {
        results.ok(CHECK, "no worker reports a provider that is down");
    }
}
