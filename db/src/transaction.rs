use std::time::Duration;

use deadpool_postgres::Transaction;
use tokio_postgres::IsolationLevel;

use crate::database::Database;
use crate::dedicated_client::DedicatedClient;
use crate::error::DbError;

/// How many times [`Database::transaction`] runs a transaction that PostgreSQL keeps aborting.
pub const MAX_TRANSACTION_ATTEMPTS: u32 = 5;

/// Upper bound of the delay before the second attempt; each further attempt doubles the bound.
const BASE_RETRY_DELAY: Duration = Duration::from_millis(20);

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
    /// Runs `work` again, at most [`MAX_TRANSACTION_ATTEMPTS`] times in all and after a random delay, if
    /// PostgreSQL aborts the transaction with a serialization failure (40001) or a deadlock (40P01). So
    /// `work` must change nothing but the database. `work` must return every [`DbError`] that a statement
    /// fails with: PostgreSQL rolls back a transaction with a failed statement even on `COMMIT`.
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
        let attempts = async {
            let mut attempt = 1;
            loop {
                match self.attempt_transaction(options, work.clone()).await {
                    Err(error) if error.is_transient() && attempt < MAX_TRANSACTION_ATTEMPTS => {
                        let random = getrandom::u32().unwrap_or(u32::MAX);
                        tokio::time::sleep(retry_delay(attempt, random)).await;
                        attempt += 1;
                    }
                    result => return result,
                }
            }
        };
        self.limit_time(attempts).await
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

/// The delay after the failed attempt number `attempt`, counted from 1: `random` picks a time between zero and
/// a bound that doubles with each attempt, so that transactions that aborted each other do not meet again.
fn retry_delay(attempt: u32, random: u32) -> Duration {
    let bound = BASE_RETRY_DELAY * 2_u32.saturating_pow(attempt - 1);
    bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_the_retry_delay_doubles() {
        let bounds = [1, 2, 3, 4].map(|attempt| retry_delay(attempt, u32::MAX).as_millis());
        assert_eq!(bounds, [20, 40, 80, 160]);
    }

    #[test]
    fn the_retry_delay_is_spread_between_zero_and_its_bound() {
        assert_eq!(retry_delay(3, 0), Duration::ZERO);
        let half = retry_delay(3, u32::MAX / 2).as_millis();
        assert!((39..=40).contains(&half), "{half}");
    }
}
