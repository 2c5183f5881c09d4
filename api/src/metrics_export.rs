//! The metrics of the API that are sampled when somebody reads them, and the port of its own that they can have.

use std::net::TcpListener;
use std::sync::Arc;

use metrics::gauge;
use tidings_broker::Stage;
use tidings_db::Database;
use tidings_domain::notification::DeliveredChannel;
use tidings_http::MetricsServer;
use tidings_runtime::health::Health;
use tidings_runtime::tasks::Tasks;
use tidings_runtime::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::acceptance::Acceptance;
use crate::handlers::probes::accepts_notifications;
use crate::serving::framework_error_body;

/// Exports the connections of `pools`.
pub fn sample_pools(metrics: &Metrics, pools: impl IntoIterator<Item = Database>) {
    let pools: Vec<Database> = pools.into_iter().collect();
    metrics.sample(move || pools.iter().for_each(Database::export_pool));
}

/// Exports whether the API is ready.
pub fn sample_readiness(metrics: &Metrics, health: Arc<Health>, acceptance: Acceptance) {
    metrics.sample(move || {
        let is_ready = accepts_notifications(&health, &acceptance);
        gauge!("tidings_ready").set(if is_ready { 1.0 } else { 0.0 });
    });
}

/// Exports `QUEUE_MAX_LENGTH`, unless it is 0, and what PostgreSQL knows about the installation.
pub fn export(
    queue_max_length: u32,
    database: Database,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) {
    if queue_max_length > 0 {
        let channels = DeliveredChannel::ALL.map(Stage::Delivery);
        for stage in [Stage::Intake].into_iter().chain(channels) {
            gauge!("tidings_queue_limit_messages", "queue" => stage.as_str())
                .set(f64::from(queue_max_length));
        }
    }
    let stop = stop.clone();
    tasks.spawn("metrics of the installation", async move {
        let exporting = tidings_db::overview::export_metrics(database);
        stop.run_until_cancelled(exporting).await;
    });
}

/// Serves `metrics` on their own port, if they have one.
///
/// # Errors
///
/// Fails if the port cannot be served.
pub fn serve(
    listener: Option<TcpListener>,
    metrics: &Metrics,
    tasks: &mut Tasks,
) -> std::io::Result<Option<MetricsServer>> {
    let start =
        |listener| MetricsServer::start(listener, metrics.clone(), framework_error_body, tasks);
    listener.map(start).transpose()
}
