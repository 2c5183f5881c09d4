use uuid::Uuid;

use super::row::COLUMNS;
use super::{JobRow, JobState};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// How an operator changes a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// The job takes no more dead letters until it is resumed.
    Pause,
    /// The job goes on.
    Resume,
    /// The job ends.
    Abort,
    /// The job has another rate.
    Rate(u32),
}

impl JobChange {
    const fn action(self) -> Action {
        match self {
            Self::Pause => Action::JobPause,
            Self::Resume => Action::JobResume,
            Self::Abort => Action::JobAbort,
            Self::Rate(_) => Action::JobRate,
        }
    }

    /// The state after the change of a job that has not ended.
    fn state(self, before: JobState) -> JobState {
        match (self, before) {
            (Self::Pause, _) => JobState::Paused,
            (Self::Abort, _) => JobState::Aborted,
            (Self::Resume, JobState::Paused) => JobState::Pending,
            (Self::Resume | Self::Rate(_), _) => before,
        }
    }
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlResult {
    /// The job after the change; it may have been so before.
    Changed(JobRow),
    /// The job has ended, and cannot be changed so.
    Ended(JobRow),
    /// There is no such job.
    Missing,
}

/// Changes a job, and records that in the audit log if it was not so before.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn control(
    transaction: &Transaction<'_>,
    id: Uuid,
    change: JobChange,
    origin: &AuditOrigin,
) -> Result<ControlResult, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM replay_jobs WHERE id = $1 FOR UPDATE");
    let statement = transaction.prepare_cached(&sql).await?;
    let Some(row) = transaction.query_opt(&statement, &[&id]).await? else {
        return Ok(ControlResult::Missing);
    };
    let job = JobRow::from(&row);
    if job.state.has_ended() {
        let is_repeated = change == JobChange::Abort && job.state == JobState::Aborted;
        return Ok(if is_repeated {
            ControlResult::Changed(job)
        } else {
            ControlResult::Ended(job)
        });
    }
    let state = change.state(job.state);
    let rate = match change {
        JobChange::Rate(rate) => i32::try_from(rate).unwrap_or(i32::MAX),
        _ => job.rate_per_second,
    };
    if (state, rate) == (job.state, job.rate_per_second) {
        return Ok(ControlResult::Changed(job));
    }
    let mut entry = origin.entry(change.action()).on(TargetKind::Job, id);
    if let JobChange::Rate(rate) = change {
        entry = entry.with("ratePerSecond", rate);
    }
    audit::record(transaction, &entry).await?;
    let sql = format!(
        "UPDATE replay_jobs
         SET state = $2, rate_per_second = $3,
             -- At another rate, or after a pause, the time of the next chunk is another one.
             due_at = NULL,
             -- An aborted job removes its copies from the queue, too.
             phase = CASE WHEN $2 = 'aborted' THEN CASE WHEN started_at IS NULL THEN 'ended' ELSE 'queue' END ELSE phase END,
             finished_at = CASE WHEN $2 = 'aborted' THEN now() ELSE finished_at END
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction
        .query_one(&statement, &[&id, &state.as_str(), &rate])
        .await?;
    Ok(ControlResult::Changed(JobRow::from(&row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_paused_job_is_resumed() {
        use JobState::{Aborted, Paused, Pending, Running};
        for before in [Pending, Running, Paused] {
            assert_eq!(JobChange::Pause.state(before), Paused);
            assert_eq!(JobChange::Abort.state(before), Aborted);
            assert_eq!(JobChange::Rate(1).state(before), before);
        }
        assert_eq!(JobChange::Resume.state(Paused), Pending);
        assert_eq!(JobChange::Resume.state(Running), Running);
    }
}
