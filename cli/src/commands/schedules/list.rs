//! `tidings schedules list`.

use serde_json::json;
use tidings_db::notifications::SenderScope;
use tidings_db::schedules::{self, ScheduleFilter, ScheduleRow, ScheduleState};

use super::database;
use super::show::{json, state};
use crate::output::{CommandOutput, Text, count, printable, table};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the schedules of this sender: the subject of the token that created them
    #[arg(long, value_name = "SUBJECT")]
    sender: Option<String>,
    /// Only the schedules that a failure has paused
    #[arg(long)]
    failed: bool,
    /// The maximum number of schedules
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// Schedules in one query.
const PAGE: u32 = 200;

/// Lists schedules.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let filter = ScheduleFilter {
        scope: SenderScope {
            sender: args.sender,
            user: None,
        },
        state: args.failed.then_some(ScheduleState::Failed),
    };
    let (mut rows, mut after) = (Vec::new(), None);
    let more = loop {
        let left = args
            .limit
            .saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break after.is_some();
        }
        let (page, next) = database
            .run(async |client| schedules::list(client, &filter, after, left.min(PAGE)).await)
            .await?;
        rows.extend(page);
        after = next;
        if after.is_none() {
            break false;
        }
    };
    let shown: Vec<_> = rows.iter().map(json).collect::<Result<_, _>>()?;
    CommandOutput::new(
        text(&rows, more),
        json!({ "schedules": shown, "more": more }),
    )
}

fn text(rows: &[ScheduleRow], more: bool) -> Text {
    if rows.is_empty() {
        return "No schedules.\n".to_owned().into();
    }
    let head = ["ID", "SENDER", "TYPE", "CRON", "TIMEZONE", "NEXT", "STATE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        let next = row
            .next_at
            .map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
        vec![
            row.id.to_string(),
            printable(&row.sender),
            row.r#type.clone(),
            row.cron.clone(),
            row.timezone.clone(),
            next,
            state(row),
        ]
    }));
    let mut text = Text::from(table(&cells));
    let shown = count(rows.len(), "schedule");
    let rest = if more { ", and there are more" } else { "" };
    text.line(format_args!("\n{shown}{rest}."));
    text
}
