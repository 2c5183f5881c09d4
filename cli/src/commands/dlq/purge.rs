use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde_json::json;
use tidings_broker::BrokerSettings;

use super::letters::with_letters;
use super::selection::Selection;
use crate::output::{Report, WrongUsage, count};
use crate::settings;

/// What `purge` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only say how many would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; needed where there is nobody to be asked
    #[arg(long)]
    yes: bool,
}

/// Deletes the selected letters, having asked.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let ask = !args.yes && !args.dry_run;
    if ask && !io::stdin().is_terminal() {
        let message = "purge deletes for good: confirm with --yes, or look first with --dry-run";
        return Err(WrongUsage(message).into());
    }
    let settings = settings::read(BrokerSettings::read)?;
    let queue = &settings.names.dlq;
    let (waiting, selected, purged) = with_letters(&settings, async |letters| {
        let (mut selected, mut purged) = (0, 0);
        // Held while somebody is asked, so that what is deleted is what was counted.
        let mut held = Vec::new();
        while let Some(letter) = letters.next(&args.selection.filter).await? {
            selected += 1;
            if ask {
                held.push(letter);
            } else if args.yes && !args.dry_run {
                letters.remove(&letter).await?;
                purged += 1;
            }
        }
        letters.pause_progress();
        if !held.is_empty() && confirmed(held.len(), queue).await? {
            for letter in &held {
                letters.remove(letter).await?;
                purged += 1;
            }
        }
        Ok((letters.waiting, selected, purged))
    })
    .await?;
    let what = count(selected, "dead letter");
    let text = if args.dry_run {
        format!("Would delete {what} of {waiting} in {queue}.\n")
    } else if purged == selected {
        format!("Deleted {what} of {waiting} in {queue}.\n")
    } else {
        format!("Deleted nothing; {what} of {waiting} in {queue} would have been.\n")
    };
    let json = json!({
        "queue": queue,
        "total": waiting,
        "selected": selected,
        "purged": purged,
        "dryRun": args.dry_run,
    });
    let missed = selected == 0 && args.selection.names_letters();
    let done = args.dry_run || purged == selected;
    Ok(Report::fine(text, json)?.fine_if(done && !missed))
}

async fn confirmed(selected: usize, queue: &str) -> anyhow::Result<bool> {
    let what = count(selected, "dead letter");
    let question = format!("Delete {what} of {queue} for good? [y/N] ");
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
