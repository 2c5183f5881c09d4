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
use crate::dead_letters::DeadLetterFilter;
use crate::error::DbError;

/// The largest number of dead letters in a chunk.
const MAX_CHUNK: i32 = 100;

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
        /// How many dead letters count towards the rate.
        taken: u32,
        /// The rate.
        rate_per_second: u32,
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
    let rate_per_second = u32::try_from(rate).unwrap_or(1).max(1);
    let in_flight: Vec<Uuid> = row.get(1);
    if !in_flight.is_empty() {
        return Ok(Chunk::Taken {
            publish: in_flight::read(transaction, &in_flight).await?,
            taken: u32::try_from(in_flight.len()).unwrap_or(u32::MAX),
            rate_per_second,
            processed_users: Vec::new(),
        });
    }
    if row.get::<_, &str>(0) != JobState::Running.as_str() {
        super::release(transaction, job).await?;
        return Ok(Chunk::Stopped);
    }
    let walk = walk(&row, job.kind, rate);
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
        set_phase(transaction, job, "queue").await?;
        return Ok(Chunk::QueueLeft);
    }
    store(transaction, job, phase, &taken).await?;
    let count = taken.in_flight.len() + taken.done.len();
    Ok(Chunk::Taken {
        publish: in_flight::read(transaction, &taken.in_flight).await?,
        taken: u32::try_from(count).unwrap_or(u32::MAX),
        rate_per_second,
        processed_users: taken.processed_users,
    })
}

fn walk(row: &Row, kind: JobKind, rate: i32) -> Walk {
    let after: (Option<Timestamp>, Option<Uuid>) = (row.get(5), row.get(6));
    Walk {
        filter: DeadLetterFilter::from_json(&row.get::<_, Value>(3)),
        created_at: row.get(4),
        after: after.0.zip(after.1),
        limit: rate.clamp(1, MAX_CHUNK).into(),
        kind,
    }
}

async fn set_phase(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    phase: &str,
) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("UPDATE replay_jobs SET phase = $2 WHERE id = $1")
        .await?;
    transaction.execute(&statement, &[&job.id, &phase]).await?;
    Ok(())
}

/// Stores the progress, with an entry of the audit log.
async fn store(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    phase: &str,
    taken: &Taken,
) -> Result<(), DbError> {
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
                 skipped_reasons = skipped_reasons || coalesce(
                     (SELECT jsonb_object_agg(reason, coalesce((skipped_reasons ->> reason)::bigint, 0) + n)
                      FROM unnest($7::text[], $8::bigint[]) AS added (reason, n)), '{}')
             WHERE id = $1",
        )
        .await?;
    let (time, id) = taken.last.unzip();
    let done = i64::try_from(taken.done.len()).unwrap_or(i64::MAX);
    let (reasons, counts): (Vec<&str>, Vec<i64>) = taken
        .skipped
        .iter()
        .map(|(reason, n)| (*reason, *n))
        .unzip();
    transaction
        .execute(
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
            ],
        )
        .await?;
    Ok(())
}
