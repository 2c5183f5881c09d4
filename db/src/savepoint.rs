use crate::Transaction;
use crate::error::{DbError, DbErrorKind};

/// Runs `work` under a savepoint. If PostgreSQL refuses the data, rolls back to the savepoint and returns the error inside;
/// the transaction goes on.
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable or another transaction conflicts: the transaction cannot go on.
pub(crate) async fn with_savepoint<T>(
    transaction: &Transaction<'_>,
    // Not a closure: the future of the caller must be `Send`.
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<Result<T, DbError>, DbError> {
    transaction.batch_execute("SAVEPOINT part").await?;
    match work.await {
        Ok(value) => {
            transaction.batch_execute("RELEASE SAVEPOINT part").await?;
            Ok(Ok(value))
        }
        Err(error) if error.kind() == DbErrorKind::Environment => Err(error),
        Err(error) => {
            transaction
                .batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .await?;
            Ok(Err(error))
        }
    }
}
