//! Statements of the benchmarks.

use crate::GenericClient;
use crate::error::DbError;

/// Inserts keys that nobody holds.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn insert_unheld(client: &impl GenericClient, count: u32) -> Result<(), DbError> {
    client
        .execute(
            "INSERT INTO api_keys (id, name, hash, scopes, created_by)
             SELECT lpad(n::text, 10, '0'), 'benchmark', sha256(int8send(n)), '{notifications:send:any}', 'tidings-bench'
             FROM generate_series(1, $1::bigint) AS n",
            &[&i64::from(count)],
        )
        .await?;
    Ok(())
}
