//! `tidings schedules list`.

use serde_json::json;
use tidings_db::notifications::SenderScope;
use tidings_db::schedules::{self, ScheduleFilter, ScheduleRow, ScheduleState};

use super::database;
use super::show::{json, state};
use crate::output::{CommandOutput, Text, count, printable, table};
use crate::paging::{Listed, read_pages};

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
    let read = async |after, rows| {
        let page = database.run(async |client| schedules::list(client, &filter, after, rows).await);
        page.await
    };
    let listed = read_pages(args.limit, read).await?;
    let shown: Vec<_> = listed.rows.iter().map(json).collect::<Result<_, _>>()?;
    CommandOutput::new(
        text(&listed),
        json!({ "schedules": shown, "more": listed.has_more }),
    )
}

fn text(listed: &Listed<ScheduleRow>) -> Text {
    if listed.rows.is_empty() {
        return "No schedules.\n".to_owned().into();
    }
    let head = ["ID", "SENDER", "TYPE", "CRON", "TIMEZONE", "NEXT", "STATE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(listed.rows.iter().map(|row| {
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
    let shown = count(listed.rows.len(), "schedule");
    let rest = listed.rest();
    text.line(format_args!("\n{shown}{rest}."));
    text
}
