//! `tidings schedules pause`, `resume` and `delete`.

use anyhow::bail;
use serde_json::json;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::schedules::{self, ResumeResult};
use tidings_domain::notification::ScheduleId;

use super::show::{json, text};
use super::{all, database, not_found};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Pauses a schedule.
pub async fn pause(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let paused = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::pause(transaction, id, &all(), &origin).await
        })
        .await?;
    match paused {
        Some(row) => CommandOutput::new(text(&row), json(&row)?),
        None => not_found(id),
    }
}

/// Resumes a schedule.
pub async fn resume(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let resumed = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::resume(transaction, id, &all(), &origin).await
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
    let origin = operator();
    let deleted = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = schedules::delete(transaction, id, &all()).await?;
            if deleted {
                let entry = origin.entry(Action::ScheduleDelete);
                audit::record(transaction, &entry.on(TargetKind::Schedule, id)).await?;
            }
            Ok(deleted)
        })
        .await?;
    if !deleted {
        return not_found(id);
    }
    let json = json!({ "deleted": id });
    CommandOutput::new(format!("Deleted the schedule {id}.\n"), json)
}
