use uuid::Uuid;

use super::row::COLUMNS;
use super::{JobKind, JobRow};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::dead_letters::{self, DeadLetterFilter, MAX_COUNTED};
use crate::error::DbError;

/// A job to create.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// What it does.
    pub kind: JobKind,
    /// With which dead letters.
    pub filter: &'a DeadLetterFilter,
    /// How many a second.
    pub rate_per_second: u32,
}

/// Creates a job for the dead letters that match now, and records that in the audit log. Counts them only as far as a dry run does:
/// see [`count_total`](super::count_total).
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn create(
    transaction: &Transaction<'_>,
    job: &NewJob<'_>,
    origin: &AuditOrigin,
) -> Result<JobRow, DbError> {
    let figures = dead_letters::capped_figures(transaction, job.filter, MAX_COUNTED).await?;
    let id = Uuid::now_v7();
    let entry = origin
        .entry(Action::JobCreate)
        .on(TargetKind::Job, id)
        .with("kind", job.kind.as_str())
        .with("filter", job.filter.to_json())
        .with("total", figures.total)
        .with("totalIsCapped", figures.is_capped)
        .with("ratePerSecond", job.rate_per_second);
    audit::record(transaction, &entry).await?;
    let sql = format!(
        "INSERT INTO replay_jobs (id, kind, filter, figures, rate_per_second, total, total_is_capped, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let rate = i32::try_from(job.rate_per_second).unwrap_or(i32::MAX);
    let row = transaction
        .query_one(
            &statement,
            &[
                &id,
                &job.kind.as_str(),
                &job.filter.to_json(),
                &figures.to_json(),
                &rate,
                &figures.total,
                &figures.is_capped,
                &origin.actor(),
            ],
        )
        .await?;
    Ok(JobRow::from(&row))
}
