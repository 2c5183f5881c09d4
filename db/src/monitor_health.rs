use std::sync::Arc;
use std::time::Duration;

use tidings_runtime::health::Health;

use crate::database::Database;
use crate::preconditions::preconditions;

/// Pings PostgreSQL once a second, without end, and updates `health`.
pub async fn monitor_health(database: Database, health: Arc<Health>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut checked = false;
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match database.ping().await {
            Ok(()) => {
                if health.set_database(true) {
                    tracing::info!("connected to PostgreSQL");
                }
                if !checked {
                    checked = report_preconditions(&database).await;
                }
            }
            Err(error) => {
                if health.set_database(false) {
                    tracing::warn!(%error, "connection to PostgreSQL lost");
                }
            }
        }
    }
}

/// Logs why the database cannot be used. Returns whether the database could be asked.
async fn report_preconditions(database: &Database) -> bool {
    match preconditions(database).await {
        Ok(problems) => {
            for problem in problems {
                tracing::error!(%problem, "the database cannot be used");
            }
            true
        }
        Err(error) => {
            tracing::debug!(%error, "cannot ask for the properties of the database");
            false
        }
    }
}
