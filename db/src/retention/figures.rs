use std::time::Duration;

use jiff::Timestamp;

use crate::GenericClient;
use crate::error::DbError;

/// How much is kept, and when a sweep last looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// An estimate of PostgreSQL: the number of notifications when it last analyzed the table.
    pub rows: u64,
    /// The size of the table with its indexes, in bytes.
    pub bytes: u64,
    /// When the oldest notification was accepted.
    pub oldest: Option<Timestamp>,
    /// When the last complete sweep ended.
    pub last_sweep: Option<Timestamp>,
    /// The time since then.
    pub last_sweep_age: Option<Duration>,
    /// Payloads that the last complete sweep erased.
    pub payloads_removed: u64,
    /// Rows that the last complete sweep deleted.
    pub rows_deleted: u64,
    /// Dead letters that the last complete sweep removed.
    pub dead_letters_removed: u64,
}

/// Reads the figures. None of them reads the whole table.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn figures(client: &impl GenericClient) -> Result<Figures, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT greatest(reltuples, 0)::bigint, pg_total_relation_size(pg_class.oid),
                    (SELECT created_at FROM notifications ORDER BY id LIMIT 1),
                    ended_at, extract(epoch FROM now() - ended_at)::float8,
                    payloads_removed, rows_deleted, dead_letters_removed
             FROM retention, pg_class WHERE pg_class.oid = 'notifications'::regclass",
        )
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    let number = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    let age: Option<f64> = row.get(4);
    Ok(Figures {
        rows: number(0),
        bytes: number(1),
        oldest: row.get(2),
        last_sweep: row.get(3),
        last_sweep_age: age.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        payloads_removed: number(5),
        rows_deleted: number(6),
        dead_letters_removed: number(7),
    })
}
