use std::sync::Arc;
use std::time::Duration;

use tidings_runtime::health::Health;

use crate::database::Database;

/// Pings PostgreSQL once a second, without end, and updates `health`.
pub async fn monitor_health(database: Database, health: Arc<Health>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match database.ping().await {
            Ok(()) => {
                if health.set_database(true) {
                    tracing::info!("connected to PostgreSQL");
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
