//! `tidings schedules pause`, `resume` and `delete`.

use anyhow::bail;
use serde_json::json;
use tidings_db::TransactionOptions;
use tidings_db::schedules::{self, ResumeResult};
use tidings_domain::notification::ScheduleId;

use super::show::{json, text};
use super::{all, database, not_found};
use crate::output::CommandOutput;

/// Pauses a schedule.
pub async fn pause(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let paused = database()?
        .run(async |client| schedules::pause(client, id, &all()).await)
        .await?;
    match paused {
        Some(row) => CommandOutput::new(text(&row), json(&row)?),
        None => not_found(id),
    }
}

/// Resumes a schedule.
pub async fn resume(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let resumed = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::resume(transaction, id, &all()).await
        })
        .await?;
    match resumed {
        ResumeResult::Running(row) => CommandOutput::new(text(&row), json(&row)?),
        ResumeResult::Never => {
            bail!("the schedule {id} has no occurrence from now until it ends")
        }
        ResumeResult::Invalid(error) => bail!("the schedule {id} cannot run: {error}"),
        ResumeResult::NotFound => not_found(id),
    }
}

/// Deletes a schedule.
pub async fn delete(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let deleted = database()?
        .run(async |client| schedules::delete(client, id, &all()).await)
        .await?;
    if !deleted {
        return not_found(id);
    }
    let json = json!({ "deleted": id });
    CommandOutput::new(format!("Deleted the schedule {id}.\n"), json)
}
