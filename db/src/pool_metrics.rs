use std::time::Duration;

use deadpool_postgres::Pool;
use metrics::{Gauge, Histogram, gauge, histogram};

/// The metrics of a pool.
#[derive(Clone)]
pub(crate) struct PoolMetrics {
    wait: Histogram,
    in_use: Gauge,
    idle: Gauge,
}

impl PoolMetrics {
    /// The metrics of the pool whose connections have this name, for example `tidings-api: accepting`.
    pub(crate) fn new(application_name: &str) -> Self {
        let pool = label(application_name);
        Self {
            wait: histogram!("tidings_db_pool_wait_seconds", "pool" => pool.clone()),
            in_use: gauge!("tidings_db_pool_connections", "pool" => pool.clone(), "state" => "in_use"),
            idle: gauge!("tidings_db_pool_connections", "pool" => pool, "state" => "idle"),
        }
    }

    /// Records how long somebody has waited for a connection.
    pub(crate) fn waited(&self, duration: Duration) {
        self.wait.record(duration);
    }

    /// Shows how many connections are open now.
    pub(crate) fn show(&self, pool: &Pool) {
        let status = pool.status();
        self.in_use
            .set(number(status.size.saturating_sub(status.available)));
        self.idle.set(number(status.available));
    }
}

/// What the connections are for: `main` if the name does not say.
fn label(application_name: &str) -> String {
    let purpose = application_name.split_once(": ");
    purpose.map_or_else(
        || "main".to_owned(),
        |(_, purpose)| purpose.replace(' ', "_"),
    )
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_named_by_what_its_connections_are_for() {
        assert_eq!(label("tidings-worker"), "main");
        assert_eq!(label("tidings-api: rate limits"), "rate_limits");
    }
}
