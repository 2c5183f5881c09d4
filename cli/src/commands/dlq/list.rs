use std::collections::BTreeMap;

use serde_json::json;
use tidings_broker::BrokerSettings;
use tidings_broker::DeadLetter;

use super::letter::{channel_name, shown_id, summary};
use super::letters::with_letters;
use super::selection::Filter;
use crate::output::{Report, Text, count, printable, table};
use crate::settings;

/// What `list` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Show at most so many; all are counted
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Default)]
struct Found {
    waiting: u32,
    selected: usize,
    by_reason: BTreeMap<String, usize>,
    letters: Vec<DeadLetter>,
}

/// Lists the oldest that are selected and counts them all.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let settings = settings::read(BrokerSettings::read)?;
    let found = with_letters(&settings, async |letters| {
        let mut found = Found {
            waiting: letters.waiting,
            ..Found::default()
        };
        while let Some(letter) = letters.next(&args.filter).await? {
            found.selected += 1;
            *found.by_reason.entry(letter.reason.clone()).or_default() += 1;
            found.letters.push(letter);
            // Of a long queue only what is shown is kept, and not sorted anew for each letter.
            if found.letters.len() >= args.limit.saturating_mul(2).max(1000) {
                keep_oldest(&mut found.letters, args.limit);
            }
        }
        keep_oldest(&mut found.letters, args.limit);
        Ok(found)
    })
    .await?;
    let json = json!({
        "queue": settings.names.dlq,
        "total": found.waiting,
        "selected": found.selected,
        "byReason": found.by_reason,
        "deadLetters": found.letters.iter().map(summary).collect::<Vec<_>>(),
    });
    Report::fine(text(&found, &settings.names.dlq), json)
}

/// The queue itself keeps no order: what was read and given back comes out in another one.
fn keep_oldest(letters: &mut Vec<DeadLetter>, limit: usize) {
    letters.sort_by_key(|letter| (letter.failed_at.is_none(), letter.failed_at));
    letters.truncate(limit);
}

fn text(found: &Found, queue: &str) -> Text {
    let total = usize::try_from(found.waiting).unwrap_or(usize::MAX);
    if total == 0 {
        return format!("No dead letters in {queue}.\n").into();
    }
    let mut text = Text::default();
    if !found.letters.is_empty() {
        let head = [
            "MESSAGE ID",
            "CHANNEL",
            "REASON",
            "ATTEMPTS",
            "FAILED AT",
            "DETAIL",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(found.letters.iter().map(row));
        text.lines(&table(&rows));
        text.line("");
    }
    let mut parts = vec![format!("{} in {queue}", count(total, "dead letter"))];
    if found.selected != total {
        parts.push(format!("{} selected", found.selected));
    }
    if found.letters.len() != found.selected {
        parts.push(format!("the oldest {} shown", found.letters.len()));
    }
    text.line(format_args!("{}.", parts.join(", ")));
    for (reason, letters) in &found.by_reason {
        text.line(format_args!("  {letters:>7}  {}", printable(reason)));
    }
    text
}

/// How much of a detail the list shows; `dlq show` shows it all.
const DETAIL_WIDTH: usize = 60;

fn row(letter: &DeadLetter) -> Vec<String> {
    let unknown = || "-".to_owned();
    let detail = letter.detail.as_deref().map_or_else(String::new, printable);
    vec![
        shown_id(letter).map_or_else(unknown, |id| printable(&id)),
        channel_name(letter).to_owned(),
        printable(&letter.reason),
        letter.attempts.map_or_else(unknown, |n| n.to_string()),
        letter
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
