//! `tidings dlq list`.

use std::collections::BTreeMap;

use serde_json::json;
use tidings_broker::{BrokerSettings, DeadLetter, Failure};

use super::queue::with_queue;
use super::recorded;
use super::selection::DeadLetterFilter;
use super::summary::{channel_name, shown_id, summary};
use crate::output::{CommandOutput, Text, count, printable, table};
use crate::settings;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: DeadLetterFilter,
    /// List what PostgreSQL knows, those that failed last first, instead of what is in the queue
    #[arg(long)]
    recorded: bool,
    /// The maximum number of dead letters to show; the totals count all
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Arguments of `groups`.
#[derive(Debug, clap::Args)]
pub struct GroupArgs {
    #[command(flatten)]
    filter: DeadLetterFilter,
}

/// Counts the selected dead letters that PostgreSQL knows.
pub async fn run_groups(args: GroupArgs) -> anyhow::Result<CommandOutput> {
    recorded::groups(&args.filter.recorded()?).await
}

#[derive(Default)]
struct MatchingDeadLetters {
    waiting: u32,
    selected: usize,
    by_reason: BTreeMap<String, usize>,
    oldest: Vec<DeadLetter>,
}

/// Lists the oldest selected dead letters and counts all of them.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    if args.recorded {
        return recorded::list(&args.filter.recorded()?, args.limit).await;
    }
    args.filter.of_queue()?;
    let settings = settings::read(BrokerSettings::read)?;
    let found = with_queue(&settings, async |queue| {
        let mut found = MatchingDeadLetters {
            waiting: queue.waiting,
            ..MatchingDeadLetters::default()
        };
        while let Some(dead_letter) = queue.next(&args.filter).await? {
            found.selected += 1;
            *found
                .by_reason
                .entry(dead_letter.reason.clone())
                .or_default() += 1;
            found.oldest.push(dead_letter);
            // Keeps little of a long queue in memory, without sorting for each dead letter.
            if found.oldest.len() >= args.limit.saturating_mul(2).max(1000) {
                keep_oldest(&mut found.oldest, args.limit);
            }
        }
        keep_oldest(&mut found.oldest, args.limit);
        Ok(found)
    })
    .await?;
    let json = json!({
        "queue": settings.names.dlq,
        "total": found.waiting,
        "selected": found.selected,
        "byReason": found.by_reason,
        "deadLetters": found.oldest.iter().map(summary).collect::<Vec<_>>(),
    });
    CommandOutput::new(text(&found, &settings.names.dlq), json)
}

/// The queue has no reliable order: requeued messages may change places.
fn keep_oldest(dead_letters: &mut Vec<DeadLetter>, limit: usize) {
    dead_letters.sort_by_key(|one| (one.failed_at.is_none(), one.failed_at));
    dead_letters.truncate(limit);
}

fn text(found: &MatchingDeadLetters, queue: &str) -> Text {
    let total = usize::try_from(found.waiting).unwrap_or(usize::MAX);
    if total == 0 {
        return format!("No dead letters in {queue}.\n").into();
    }
    let mut text = Text::default();
    if !found.oldest.is_empty() {
        let head = [
            "MESSAGE ID",
            "CHANNEL",
            "REASON",
            "ATTEMPTS",
            "FAILED AT",
            "DETAIL",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(found.oldest.iter().map(row));
        text.lines(&table(&rows));
        text.line("");
    }
    let mut parts = vec![format!("{} in {queue}", count(total, "dead letter"))];
    if found.selected != total {
        parts.push(format!("{} selected", found.selected));
    }
    if found.oldest.len() != found.selected {
        parts.push(format!("the oldest {} shown", found.oldest.len()));
    }
    text.line(format_args!("{}.", parts.join(", ")));
    for (reason, number) in &found.by_reason {
        text.line(format_args!("  {number:>7}  {}", printable(reason)));
    }
    if found.by_reason.contains_key(Failure::OUTCOME_UNKNOWN) {
        text.line(format_args!(
            "{}: there was no readable answer, so the message may have arrived. A replay may deliver it twice.",
            Failure::OUTCOME_UNKNOWN
        ));
    }
    text
}

/// Characters of the detail in the list; `dlq show` prints all of it.
const DETAIL_WIDTH: usize = 60;

fn row(dead_letter: &DeadLetter) -> Vec<String> {
    let unknown = || "-".to_owned();
    let detail = dead_letter
        .detail
        .as_deref()
        .map_or_else(String::new, printable);
    vec![
        shown_id(dead_letter).map_or_else(unknown, |id| printable(&id)),
        channel_name(dead_letter).to_owned(),
        printable(&dead_letter.reason),
        dead_letter.attempts.map_or_else(unknown, |n| n.to_string()),
        dead_letter
            .failed_at
            .map_or_else(unknown, |time| format!("{time:.0}")),
        shortened(&detail),
    ]
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= DETAIL_WIDTH {
        return text.to_owned();
    }
    let start: String = text.chars().take(DETAIL_WIDTH - 1).collect();
    format!("{start}…")
}
