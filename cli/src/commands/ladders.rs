//! `tidings ladders`.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tidings_broker::{BrokerSettings, ExistingLadder, LadderRemoval};
use tidings_domain::retry::Ladder;

use crate::output::{CommandOutput, Text, count, table};
use crate::settings;

/// How long the broker may take for one ladder.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Arguments of `ladders`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Delete the queues of ladders of former settings that have no messages
    ///
    /// A message that a program is processing at this moment on such a ladder becomes a dead letter with the reason
    /// `unrouted` if it fails; `tidings dlq replay --from-queue --reason unrouted` sends it on its way again.
    #[arg(long)]
    prune: bool,
    /// With --prune: only print what the command would delete
    #[arg(long, requires = "prune")]
    dry_run: bool,
    /// Look for this ladder by its name instead of asking the management plugin; can be repeated
    #[arg(long = "ladder", value_name = "LABEL", conflicts_with = "prune")]
    labels: Vec<Ladder>,
}

/// A ladder, and what happened to it.
struct Listed {
    existing: ExistingLadder,
    is_current: bool,
    outcome: &'static str,
}

/// Lists ladders, and deletes those that are not needed.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(BrokerSettings::read)?;
    let existing = find(&settings, &args.labels).await?;
    let mut listed = Vec::new();
    for existing in existing {
        let is_current = existing.ladder == settings.ladder;
        let removable = args.prune && !is_current;
        let outcome = match (removable, existing.messages()) {
            (false, _) => "kept",
            (true, 1..) => "not_empty",
            (true, 0) if args.dry_run => "would_remove",
            (true, 0) => remove(&settings, &existing).await?,
        };
        listed.push(Listed {
            existing,
            is_current,
            outcome,
        });
    }
    let ladders: Vec<Value> = listed.iter().map(json_of).collect();
    let json = json!({
        "current": settings.ladder.to_string(),
        "dryRun": args.dry_run,
        "ladders": ladders,
    });
    CommandOutput::new(text(&listed), json)
}

async fn find(settings: &BrokerSettings, labels: &[Ladder]) -> anyhow::Result<Vec<ExistingLadder>> {
    if labels.is_empty() {
        let listed = tidings_broker::list_ladders(settings).await;
        return listed.context(
            "AMQP cannot list queues, and RabbitMQ's management plugin cannot be used: set RABBITMQ_MANAGEMENT_URL, \
             or name the ladders with --ladder",
        );
    }
    let connection = tidings_broker::connect(settings, "tidings: ladders").await?;
    let mut found = Vec::new();
    for ladder in labels {
        let looking = tidings_broker::find_ladder(&connection, &settings.names, *ladder);
        found.push(in_time(looking).await?);
    }
    found.retain(|one| !one.rungs.is_empty());
    Ok(found)
}

async fn remove(
    settings: &BrokerSettings,
    existing: &ExistingLadder,
) -> anyhow::Result<&'static str> {
    eprintln!("tidings: removing the ladder {}", existing.ladder);
    // An error closes its channel, and the next ladder is another matter.
    let connection = tidings_broker::connect(settings, "tidings: ladders").await?;
    let removal = in_time(tidings_broker::remove_ladder(
        &connection,
        settings,
        existing,
    ))
    .await;
    let removal =
        removal.with_context(|| format!("cannot remove the ladder {}", existing.ladder))?;
    Ok(match removal {
        LadderRemoval::Removed => "removed",
        LadderRemoval::NotEmpty => "not_empty",
    })
}

async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let done = tokio::time::timeout(TIMEOUT, work).await;
    Ok(done.context("RabbitMQ did not respond in time")??)
}

fn json_of(listed: &Listed) -> Value {
    json!({
        "ladder": listed.existing.ladder.to_string(),
        "current": listed.is_current,
        "queues": listed.existing.rungs.len(),
        "messages": listed.existing.messages(),
        "outcome": listed.outcome,
    })
}

fn text(listed: &[Listed]) -> Text {
    let head = ["LADDER", "SETTINGS", "QUEUES", "MESSAGES", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|one| {
        let settings = if one.is_current { "current" } else { "former" };
        let outcome = match one.outcome {
            "removed" => "removed",
            "would_remove" => "would be removed",
            "not_empty" => "not removed: it has messages",
            _ => "",
        };
        vec![
            one.existing.ladder.to_string(),
            settings.to_owned(),
            one.existing.rungs.len().to_string(),
            one.existing.messages().to_string(),
            outcome.to_owned(),
        ]
    }));
    let mut text = Text::from(table(&rows));
    let removed = listed.iter().filter(|one| one.outcome == "removed").count();
    if removed > 0 {
        text.line(format_args!("\nRemoved {}.", count(removed, "ladder")));
    }
    text
}
