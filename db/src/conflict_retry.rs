use crate::error::DbError;

/// How many times work is run again if PostgreSQL aborts it because of other transactions.
pub const MAX_CONFLICT_RETRIES: u32 = 3;

/// Runs `work`. Runs it again at once, at most [`MAX_CONFLICT_RETRIES`] times, while it fails with a serialization
/// failure (40001) or a deadlock (40P01).
///
/// There is no pause: PostgreSQL aborts one of the transactions of a deadlock, and the others can then go on.
pub(crate) async fn retry_conflicts<T, F>(mut work: impl FnMut() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, DbError>>,
{
    for _ in 0..MAX_CONFLICT_RETRIES {
        match work().await {
            Err(error) if error.is_conflict() => {}
            result => return result,
        }
    }
    work().await
}
