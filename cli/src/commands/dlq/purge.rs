//! `tidings dlq purge`.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde_json::json;
use tidings_broker::{BrokerSettings, DeadLetter};
use tidings_db::audit::{self, Action};
use tidings_db::{Database, DatabaseSettings, TransactionOptions};

use super::audit::entry;
use super::queue::{OpenQueue, with_queue};
use super::selection::Selection;
use super::summary::shown_id;
use crate::operator::operator;
use crate::output::{CommandOutput, WrongUsage, count};
use crate::settings;

/// Dead letters in one entry of the audit log.
const BATCH: usize = 100;

/// Arguments of `purge`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only count the dead letters
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; required if standard input is not a terminal
    #[arg(long)]
    yes: bool,
}

/// Asks, and deletes the selected dead letters.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let ask = !args.yes && !args.dry_run;
    if ask && !io::stdin().is_terminal() {
        let message = "purge deletes permanently: confirm with --yes, or check with --dry-run";
        return Err(WrongUsage(message).into());
    }
    let (settings, database) = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        let database = (!args.dry_run).then(|| DatabaseSettings::read(reader));
        Some((broker?, database))
    })?;
    let database = database.flatten();
    let database = database.map(|one| Database::new(&one, "tidings dlq purge"));
    let database = database.transpose()?;
    let name = &settings.names.dlq;
    let (waiting, selected, purged) = with_queue(&settings, async |queue| {
        let (mut selected, mut purged) = (0, 0);
        // Holds the dead letters during the prompt, so that exactly the counted ones are deleted.
        let mut held = Vec::new();
        while let Some(dead_letter) = queue.next(&args.selection.filter).await? {
            selected += 1;
            let Some(database) = &database else { continue };
            held.push(dead_letter);
            if !ask && held.len() == BATCH {
                purge(database, queue, name, &held).await?;
                purged += held.len();
                held.clear();
            }
        }
        queue.pause_progress();
        if ask && !held.is_empty() && !confirmed(held.len(), name).await? {
            held.clear();
        }
        if let Some(database) = &database {
            for batch in held.chunks(BATCH) {
                purge(database, queue, name, batch).await?;
                purged += batch.len();
            }
        }
        Ok((queue.waiting, selected, purged))
    })
    .await?;
    let what = count(selected, "dead letter");
    let text = if args.dry_run {
        format!("Would delete {what} of {waiting} in {name}.\n")
    } else if purged == selected {
        format!("Deleted {what} of {waiting} in {name}.\n")
    } else {
        format!("Deleted nothing. Selected: {what} of {waiting} in {name}.\n")
    };
    let json = json!({
        "queue": name,
        "total": waiting,
        "selected": selected,
        "purged": purged,
        "dryRun": args.dry_run,
    });
    let missed = selected == 0 && args.selection.has_ids();
    let done = args.dry_run || purged == selected;
    Ok(CommandOutput::new(text, json)?.success_if(done && !missed))
}

/// Deletes dead letters. Writes the entry of the audit log first: nothing is deleted without one.
async fn purge(
    database: &Database,
    queue: &OpenQueue,
    name: &str,
    dead_letters: &[DeadLetter],
) -> anyhow::Result<()> {
    let origin = operator();
    let ids = dead_letters.iter().map(shown_id);
    let entry = entry(&origin, Action::DeadLetterPurge, name, ids);
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            audit::record(transaction, &entry).await
        })
        .await
        .context("the audit log cannot be written, so no more dead letters are deleted")?;
    for dead_letter in dead_letters {
        queue.remove(dead_letter).await?;
    }
    Ok(())
}

async fn confirmed(selected: usize, queue: &str) -> anyhow::Result<bool> {
    let what = count(selected, "dead letter");
    let question = format!("Delete {what} of {queue} permanently? [y/N] ");
    let asking = tokio::task::spawn_blocking(move || -> io::Result<String> {
        let mut err = io::stderr();
        err.write_all(question.as_bytes())?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer)
    });
    let answer = asking.await?.context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
