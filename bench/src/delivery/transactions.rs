//! Counts the transactions of the programs in the database of a measurement.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tidings_db::delivery_measurements::{self, DatabaseActivity};
use tidings_db::{Database, DatabaseSettings};
use tokio::time::Instant;

use crate::environment::Environment;

/// `application_name` of the connections of this program.
const OWN: &str = "tidings-bench";

/// How long the programs' connections may take to close after the programs have stopped.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the server's counter of transactions, from another database, so that it does not count itself.
pub struct TransactionCounter {
    home: Database,
    name: String,
}

impl TransactionCounter {
    /// Counts in the database of `environment`, connected to the database of `home`.
    ///
    /// # Errors
    ///
    /// Returns an error if the settings are wrong.
    pub fn new(home: &DatabaseSettings, environment: &Environment) -> anyhow::Result<Self> {
        Ok(Self {
            home: Database::new(home, OWN)?,
            name: environment.scratch.name().to_owned(),
        })
    }

    /// Waits until all connections of the programs are closed, and reads the number of transactions so far. An open
    /// connection may not have added its own yet.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable or a connection stays open.
    pub async fn read_after_stop(&self) -> anyhow::Result<u64> {
        let began = Instant::now();
        loop {
            let activity = self.activity().await?;
            if activity.connections == 0 {
                // Connections are gone from the view just before their numbers are added.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return Ok(self.activity().await?.transactions);
            }
            ensure!(
                began.elapsed() < TIMEOUT,
                "{} connections stay open",
                activity.connections
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn activity(&self) -> anyhow::Result<DatabaseActivity> {
        let read = self.home.run(async |client| {
            delivery_measurements::database_activity(client, &self.name, OWN).await
        });
        read.await.context("PostgreSQL is unavailable")
    }
}

/// Transactions of programs that deliver nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct IdleTransactions {
    /// Those of a start.
    pub start: u64,
    /// Those of each second in which they have nothing to do.
    pub per_second: f64,
}

impl IdleTransactions {
    /// The number of transactions that each of `count` messages caused, of `all` transactions of programs that ran for
    /// `took`.
    #[expect(clippy::cast_precision_loss, reason = "a ratio to print")]
    pub fn each_of(self, count: u64, all: u64, took: Duration) -> f64 {
        let idle = self.start as f64 + self.per_second * took.as_secs_f64();
        (all as f64 - idle).max(0.0) / count.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_an_idle_system_do_not_count() {
        let idle = IdleTransactions {
            start: 5,
            per_second: 2.0,
        };
        let each = idle.each_of(100, 45, Duration::from_secs(10));
        assert!((each - 0.2).abs() < 1e-9);
        assert!(idle.each_of(100, 10, Duration::from_secs(10)) < 1e-9);
    }
}
