//! `tidings schedules preview`.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;
use tidings_db::{clock, schedules};
use tidings_domain::notification::ScheduleId;
use tidings_domain::time::{CronPattern, CronSchedule, Timezone};

use super::create::timezone;
use super::{all, database, not_found};
use crate::output::{CommandOutput, Text};

/// Arguments of `preview`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").args(["id", "cron"]).required(true))]
pub struct Args {
    /// The schedule
    #[arg(value_name = "SCHEDULE_ID")]
    id: Option<ScheduleId>,
    /// A pattern, to see what it means before a schedule is created
    #[arg(long, value_name = "PATTERN", requires = "timezone")]
    cron: Option<CronPattern>,
    /// The time zone of the pattern, such as Europe/Berlin
    #[arg(long, value_name = "NAME", requires = "cron", conflicts_with = "id", value_parser = timezone)]
    timezone: Option<Timezone>,
    /// The number of occurrences
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
    count: u16,
}

/// Prints the next occurrences.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (recurrence, now) = match (args.id, args.cron, args.timezone) {
        (_, Some(pattern), Some(timezone)) => {
            let recurrence = CronSchedule::new(pattern, timezone, None, None)?;
            (recurrence, Timestamp::now())
        }
        (Some(id), ..) => {
            let (row, now) = database()?
                .run(async |client| {
                    let row = schedules::find(client, id, &all()).await?;
                    Ok((row, clock::now(client).await?))
                })
                .await?;
            let Some(row) = row else {
                return not_found(id);
            };
            let definition = row.definition();
            let definition = definition.with_context(|| format!("the schedule {id} cannot run"))?;
            (definition.recurrence, now)
        }
        _ => anyhow::bail!("a schedule, or a pattern and its time zone, must be given"),
    };
    let occurrences = recurrence.occurrences(now, args.count.into());
    let mut text = Text::default();
    for occurrence in &occurrences {
        let local = recurrence.timezone().local_time(*occurrence);
        let zone = recurrence.timezone();
        text.line(format_args!("{occurrence}  {local} in {zone}"));
    }
    if occurrences.is_empty() {
        text.line("No further occurrence.");
    }
    CommandOutput::new(text, json!({ "occurrences": occurrences }))
}
