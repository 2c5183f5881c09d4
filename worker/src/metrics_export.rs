//! The metrics of the worker that are sampled when somebody reads them, and the port of its own that they can have.

use std::net::TcpListener;
use std::sync::Arc;

use metrics::gauge;
use tidings_db::Database;
use tidings_http::MetricsServer;
use tidings_runtime::health::Health;
use tidings_runtime::tasks::Tasks;
use tidings_runtime::telemetry::Metrics;

use crate::probes;

/// Exports the connections of `database` and whether the worker is ready.
pub fn sample(metrics: &Metrics, database: Database, health: Arc<Health>) {
    metrics.sample(move || {
        database.export_pool();
        gauge!("tidings_ready").set(if probes::is_ready(&health) { 1.0 } else { 0.0 });
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
    let start = |listener| {
        MetricsServer::start(
            listener,
            metrics.clone(),
            probes::framework_error_body,
            tasks,
        )
    };
    listener.map(start).transpose()
}
