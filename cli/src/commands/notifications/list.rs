//! `tidings notifications list`.

use anyhow::Context;
use serde_json::json;
use tidings_db::Database;
use tidings_db::notifications::{self, ListedNotification};

use super::filter::FilterArgs;
use crate::output::{CommandOutput, Text, printable, table};

/// Notifications in one query.
const PAGE: u32 = 500;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// Lists notifications. Goes on until there are enough, or no more.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let filter = args.filter.filter();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let (mut rows, mut after) = (Vec::new(), None);
    let has_more = loop {
        let left = u32::try_from(limit - rows.len()).unwrap_or(PAGE).min(PAGE);
        let reading = database.run(async |client| {
            notifications::search_without_contents(client, &filter, after, left).await
        });
        let page = reading.await.context("cannot read the notifications")?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= limit {
            break after.is_some();
        }
    };
    CommandOutput::new(
        text(&rows, has_more),
        json!({"notifications": rows, "hasMore": has_more}),
    )
}

fn text(rows: &[ListedNotification], has_more: bool) -> Text {
    let mut text = Text::default();
    let head = [
        "ACCEPTED",
        "MESSAGE ID",
        "CHANNEL",
        "STATUS",
        "REASON",
        "ERROR",
    ];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        vec![
            format!("{:.0}", row.created_at),
            row.message_id.to_string(),
            row.r#type.clone(),
            row.status.clone(),
            printable(row.reason.as_deref().unwrap_or_default()),
            printable(row.error_message.as_deref().unwrap_or_default()),
        ]
    }));
    text.lines(&table(&cells));
    if has_more {
        text.line("There are more: use --limit, or --to with the time of the last line.");
    }
    text
}
