use deadpool_postgres::Transaction;
use tokio_postgres::IsolationLevel;

use crate::conflict_retry::retry_conflicts;
use crate::database::Database;
use crate::dedicated_client::DedicatedClient;
use crate::error::DbError;

/// The characteristics of a transaction (PostgreSQL manual, "SET TRANSACTION"). The default is a read-write
/// transaction at `READ COMMITTED`.
#[derive(Clone, Copy, Debug)]
pub struct TransactionOptions {
    /// The isolation level.
    pub isolation: IsolationLevel,
    /// Refuses every statement that writes. If `false`, the server's `default_transaction_read_only` applies.
    pub read_only: bool,
    /// Waits for a snapshot that cannot fail; has an effect only with `SERIALIZABLE` and `read_only`.
    pub deferrable: bool,
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self {
            // Explicit, because code that locks a row and then counts must see what was committed while it
            // waited for the lock, whatever the server's default is.
            isolation: IsolationLevel::ReadCommitted,
            read_only: false,
            deferrable: false,
        }
    }
}

impl Database {
    /// Runs `work` in a transaction: commits if `work` returns `Ok`, and rolls back if `work` returns `Err`,
    /// panics or is dropped.
    ///
    /// Runs `work` again at once, at most [`MAX_CONFLICT_RETRIES`](crate::MAX_CONFLICT_RETRIES) times, if PostgreSQL
    /// aborts the transaction with a serialization failure (40001) or a deadlock (40P01). So `work` must change nothing
    /// but the database. `work` must return every [`DbError`] that a statement fails with: PostgreSQL rolls back a
    /// transaction with a failed statement even on `COMMIT`.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt, and [`DbError::TimedOut`] if all attempts together take longer
    /// than the statement timeout and 5 s.
    pub async fn transaction<T>(
        &self,
        options: TransactionOptions,
        // Not `AsyncFn`: the compiler cannot show that such a closure's future is `Send` if the closure
        // borrows, which the worker needs. `Clone` holds for every closure that captures only references.
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DbError> + Clone,
    ) -> Result<T, DbError> {
        self.limit_time(retry_conflicts(|| {
            self.attempt_transaction(options, work.clone())
        }))
        .await
    }

    async fn attempt_transaction<T>(
        &self,
        options: TransactionOptions,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut client = self.dedicated_client().await?;
        let transaction = begin(&mut client, options).await?;
        if let Some(settings) = self.transaction_settings() {
            transaction.batch_execute(settings).await?;
        }
        let result = work(&transaction).await;
        if self.transaction_settings().is_some() {
            // The next transaction may get another server connection.
            transaction.statement_cache.clear();
        }
        let ended = match &result {
            Ok(_) => transaction.commit().await,
            Err(_) => transaction.rollback().await,
        };
        match ended {
            Ok(()) => {
                client.return_to_pool();
                result
            }
            // The error of `work` says more than the failed rollback.
            Err(error) => result.and(Err(error.into())),
        }
    }
}

async fn begin(
    client: &mut DedicatedClient,
    options: TransactionOptions,
) -> Result<Transaction<'_>, DbError> {
    let mut builder = client
        .build_transaction()
        .isolation_level(options.isolation);
    // `read_only(false)` would override a server that is set to read-only.
    if options.read_only {
        builder = builder.read_only(true);
    }
    if options.deferrable {
        builder = builder.deferrable(true);
    }
    Ok(builder.start().await?)
}
