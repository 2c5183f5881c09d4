//! `tidings notifications list`.

use anyhow::Context;
use serde_json::json;
use tidings_db::Database;
use tidings_db::notifications::{self, ListedNotification};

use super::filter::FilterArgs;
use crate::output::{CommandOutput, Text, printable, table};
use crate::paging::{Listed, read_pages};

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
    let read = async |after, rows| {
        let reading = database.run(async |client| {
            notifications::search_without_contents(client, &filter, after, rows).await
        });
        let page = reading.await.context("cannot read the notifications")?;
        anyhow::Ok((page.rows, page.next))
    };
    let listed = read_pages(args.limit, read).await?;
    CommandOutput::new(
        text(&listed),
        json!({"notifications": listed.rows, "hasMore": listed.has_more}),
    )
}

fn text(listed: &Listed<ListedNotification>) -> Text {
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
    cells.extend(listed.rows.iter().map(|row| {
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
    if listed.has_more {
        text.line("There are more: use --limit, or --to with the time of the last line.");
    }
    text
}
