use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::in_flight::{self, InFlight, StoredLetter};
use super::{JobKind, JobState, TakenJob, letters, rows};
use crate::Transaction;
use crate::audit::{self, Action, ActorKind, AuditOrigin, TargetKind};
use crate::dead_letters::{DeadLetterFilter, UnknownFilter};
use crate::error::DbError;

/// The largest number of dead letters in a chunk.
const MAX_CHUNK: i32 = 100;

/// How much of its rate a job may make up for, in seconds.
const BURST: f64 = 1.0;

/// What a job does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// Another process runs the job.
    Lost,
    /// The job does not run: it is paused, or has ended.
    Stopped,
    /// Dead letters were taken.
    Taken {
        /// What must be published. Then call [`finish_chunk`](super::finish_chunk), also if it is nothing.
        publish: Vec<InFlight>,
        /// The time until the next chunk is due, at the rate of the job.
        pause: Duration,
        /// The users whose in-app notifications are delivered by this.
        processed_users: Vec<UserId>,
    },
    /// All dead letters were taken: the copies in the queue are left.
    QueueLeft,
}

/// A job, as its next chunk needs it.
pub(super) struct Walk {
    pub(super) filter: DeadLetterFilter,
    pub(super) created_at: Timestamp,
    pub(super) after: Option<(Timestamp, Uuid)>,
    pub(super) limit: i64,
    pub(super) kind: JobKind,
}

/// What became of a chunk.
#[derive(Default)]
pub(super) struct Taken {
    /// The position after the last of them; `None` if there was none.
    pub(super) last: Option<(Timestamp, Uuid)>,
    pub(super) in_flight: Vec<Uuid>,
    /// Those that are replayed or purged with this transaction.
    pub(super) done: Vec<Uuid>,
    pub(super) skipped: BTreeMap<&'static str, i64>,
    pub(super) processed_users: Vec<UserId>,
}

impl Taken {
    pub(super) fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }
}

/// Takes the next dead letters of a job, and renews its lease. `skip` says why a letter without a row cannot be replayed.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn begin_chunk(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    lease: Duration,
    skip: impl Fn(&StoredLetter) -> Option<&'static str>,
) -> Result<Chunk, DbError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs SET lease_until = clock_timestamp() + make_interval(secs => $3)
             WHERE id = $1 AND lease_token = $2
             RETURNING state, in_flight, phase, filter, created_at, after_time, after_id, rate_per_second",
        )
        .await?;
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&job.id, &job.token, &lease.as_secs_f64()];
    let Some(row) = transaction.query_opt(&statement, &parameters).await? else {
        return Ok(Chunk::Lost);
    };
    let rate: i32 = row.get(7);
    let in_flight: Vec<Uuid> = row.get(1);
    if !in_flight.is_empty() {
        return Ok(Chunk::Taken {
            publish: in_flight::read(transaction, &in_flight).await?,
            pause: Duration::ZERO,
            processed_users: Vec::new(),
        });
    }
    if row.get::<_, &str>(0) != JobState::Running.as_str() {
        super::release(transaction, job).await?;
        return Ok(Chunk::Stopped);
    }
    let walk = match walk(&row, job.kind, rate) {
        Ok(walk) => walk,
        Err(error) => {
            refuse(transaction, job, &error.to_string()).await?;
            return Ok(Chunk::Stopped);
        }
    };
    let mut phase: &str = row.get(2);
    let mut taken = Taken::default();
    if phase == "rows" {
        taken = rows::take(transaction, &walk).await?;
        if taken.last.is_none() {
            phase = "letters";
            let walk = Walk {
                after: None,
                ..walk
            };
            taken = letters::take(transaction, &walk, skip).await?;
        }
    } else if phase == "letters" {
        taken = letters::take(transaction, &walk, skip).await?;
    }
    if taken.last.is_none() {
        leave_copies(transaction, job).await?;
        return Ok(Chunk::QueueLeft);
    }
    let pause = store(transaction, job, phase, &taken).await?;
    Ok(Chunk::Taken {
        publish: in_flight::read(transaction, &taken.in_flight).await?,
        pause,
        processed_users: taken.processed_users,
    })
}

fn walk(row: &Row, kind: JobKind, rate: i32) -> Result<Walk, UnknownFilter> {
    let after: (Option<Timestamp>, Option<Uuid>) = (row.get(5), row.get(6));
    Ok(Walk {
        filter: DeadLetterFilter::from_json(&row.get::<_, Value>(3))?,
        created_at: row.get(4),
        after: after.0.zip(after.1),
        limit: rate.clamp(1, MAX_CHUNK).into(),
        kind,
    })
}

/// Gives the job back, for whoever removes the copies in the queue.
async fn leave_copies(transaction: &Transaction<'_>, job: &TakenJob) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs SET phase = 'queue', due_at = NULL, lease_token = NULL, lease_until = NULL WHERE id = $1",
        )
        .await?;
    transaction.execute(&statement, &[&job.id]).await?;
    Ok(())
}

/// Aborts a job that this version cannot run.
async fn refuse(transaction: &Transaction<'_>, job: &TakenJob, error: &str) -> Result<(), DbError> {
    let entry = AuditOrigin::new(ActorKind::System, "scheduler");
    let entry = entry.entry(Action::JobAbort).on(TargetKind::Job, job.id);
    audit::record(transaction, &entry).await?;
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs
             SET state = 'aborted', phase = 'queue', finished_at = now(), last_error = $2, lease_token = NULL, lease_until = NULL
             WHERE id = $1",
        )
        .await?;
    transaction.execute(&statement, &[&job.id, &error]).await?;
    Ok(())
}

/// Stores the progress, with an entry of the audit log. Returns the time until the next chunk is due: a job that was late makes up
/// for at most [`BURST`].
async fn store(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    phase: &str,
    taken: &Taken,
) -> Result<Duration, DbError> {
    let changed = taken.in_flight.iter().chain(&taken.done);
    let ids: Vec<String> = changed.map(Uuid::to_string).collect();
    if !ids.is_empty() {
        let action = match job.kind {
            JobKind::Replay => Action::DeadLetterReplay,
            JobKind::Purge => Action::DeadLetterPurge,
        };
        let origin = AuditOrigin::new(ActorKind::System, "scheduler");
        let entry = origin
            .entry(action)
            .on(TargetKind::Job, job.id)
            .with("count", ids.len())
            .with("messageIds", ids);
        audit::record(transaction, &entry).await?;
    }
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs
             SET phase = $2, after_time = $3, after_id = $4, in_flight = $5, done = done + $6,
                 skipped = skipped + (SELECT coalesce(sum(n), 0)::bigint FROM unnest($8::bigint[]) AS n),
                 due_at = greatest(coalesce(due_at, clock_timestamp()), clock_timestamp() - make_interval(secs => $10))
                          + make_interval(secs => $9::float8 / rate_per_second),
                 skipped_reasons = skipped_reasons || coalesce(
                     (SELECT jsonb_object_agg(reason, coalesce((skipped_reasons ->> reason)::bigint, 0) + n)
                      FROM unnest($7::text[], $8::bigint[]) AS added (reason, n)), '{}')
             WHERE id = $1
             RETURNING extract(epoch FROM due_at - clock_timestamp())::float8",
        )
        .await?;
    let (time, id) = taken.last.unzip();
    let count = u32::try_from(taken.in_flight.len() + taken.done.len()).unwrap_or(u32::MAX);
    let done = i64::try_from(taken.done.len()).unwrap_or(i64::MAX);
    let (reasons, counts): (Vec<&str>, Vec<i64>) = taken
        .skipped
        .iter()
        .map(|(reason, n)| (*reason, *n))
        .unzip();
    let row = transaction
        .query_one(
            &statement,
            &[
                &job.id,
                &phase,
                &time,
                &id,
                &taken.in_flight,
                &done,
                &reasons,
                &counts,
                &f64::from(count),
                &BURST,
            ],
        )
        .await?;
    let seconds: f64 = row.get(0);
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
}
