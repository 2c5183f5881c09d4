//! Logs and metrics.

mod json;
mod recorder;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use json::JsonLines;
pub use recorder::{Metrics, install as install_metrics};

use crate::settings::{LogFormat, TelemetrySettings};

/// Starts logging to standard output, and makes a panic a log line like any other.
///
/// `service` names the program in every line. Call it once, first thing after the settings are
/// read; a second call changes nothing.
pub fn start_logging(settings: &TelemetrySettings, service: &'static str) {
    // The settings were checked when they were read.
    let filter = EnvFilter::builder().parse_lossy(&settings.level);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match settings.format {
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().event_format(JsonLines::new(service));
            registry.with(layer).try_init()
        }
        LogFormat::Pretty => registry.with(tracing_subscriber::fmt::layer()).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("no message");
            let location = panic.location().map(ToString::to_string);
            tracing::error!(panic = message, location, "panicked");
        }));
    }
}
