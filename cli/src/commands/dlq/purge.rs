//! `tidings dlq purge`.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde_json::json;
use tidings_broker::{BrokerSettings, DeadLetter};
use tidings_db::audit::{self, Action};
use tidings_db::replay_jobs::{JobKind, MAX_RATE};
use tidings_db::{
    Database, DatabaseSettings, TransactionOptions, dead_letters as letters_table, notifications,
};
use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::audit::entry;
use super::queue::{OpenQueue, with_queue};
use super::replay_job::{self, JobOptions};
use super::selection::Selection;
use super::summary::{letter_id, shown_id};
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
    /// Purge what PostgreSQL knows, by a job, which removes the copies in the queue, too
    #[arg(long)]
    recorded: bool,
    /// How many dead letters the job takes in a second
    #[arg(long, value_name = "N", default_value_t = MAX_RATE, requires = "recorded",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_RATE)))]
    rate: u32,
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
    if args.recorded {
        let options = JobOptions {
            kind: JobKind::Purge,
            dry_run: args.dry_run,
            detach: false,
            rate: args.rate,
        };
        return replay_job::run(&args.selection, options, async |total| {
            if !ask || total == 0 {
                return Ok(true);
            }
            confirmed(total, "PostgreSQL").await
        })
        .await;
    }
    args.selection.filter.of_queue()?;
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

/// Deletes dead letters. Writes the entry of the audit log first: nothing is deleted without one. What is deleted here is
/// listed no more.
async fn purge(
    database: &Database,
    queue: &OpenQueue,
    name: &str,
    dead_letters: &[DeadLetter],
) -> anyhow::Result<()> {
    let origin = operator();
    let ids = dead_letters.iter().map(shown_id);
    let entry = entry(&origin, Action::DeadLetterPurge, name, ids);
    let letters: Vec<Uuid> = dead_letters.iter().map(letter_id).collect();
    let rows = dead_letters.iter().filter_map(DeadLetter::notification);
    let rows: Vec<MessageId> = rows.map(|(id, _)| id).collect();
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            audit::record(transaction, &entry).await?;
            notifications::purge_failed(transaction, &rows).await?;
            letters_table::close_letters(transaction, &letters, true).await?;
            Ok(())
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
