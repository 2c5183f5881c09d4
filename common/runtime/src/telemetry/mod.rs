//! Logs and metrics.

mod json;
mod recorder;
mod redact;
mod table;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use json::{JsonFields, JsonLines};
pub use recorder::{Metrics, install as install_metrics};
pub use redact::{RedactingWriter, redact};
pub use table::{METRIC_GROUPS, Metric, MetricGroup, MetricKind, metrics};

use tidings_settings::{LogFormat, TelemetrySettings};

/// Starts logging to standard output. Panics become log lines too. No line contains an API key or a refresh token.
///
/// `service` is the name of the program in every line. `quiet_library` is a library whose lines appear only at the log
/// levels `debug` and `trace`: Tidings itself logs the errors of this library. A second call has no effect.
pub fn start_logging(
    settings: &TelemetrySettings,
    service: &'static str,
    quiet_library: &'static str,
) {
    // The level was validated when the settings were read.
    let filter = EnvFilter::builder().parse_lossy(&settings.level);
    let verbose = filter
        .max_level_hint()
        .is_some_and(|level| level > LevelFilter::INFO);
    let library_limit = filter_fn(move |metadata| is_allowed(metadata, verbose, quiet_library));
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(library_limit);
    let started = match settings.format {
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer()
                .event_format(JsonLines::new(service))
                .fmt_fields(JsonFields)
                .with_writer(RedactingWriter(std::io::stdout));
            registry.with(layer).try_init()
        }
        LogFormat::Pretty => {
            // No colours in a file.
            let colours = std::io::stdout().is_terminal();
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(colours)
                .with_writer(RedactingWriter(std::io::stdout));
            registry.with(layer).try_init()
        }
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("no message");
            let location = panic.location().map(ToString::to_string);
            tracing::error!(panic = message, location, "panicked");
            crate::tasks::report_panic();
        }));
    }
}

/// Limits libraries to `info`, regardless of `LOG_LEVEL`: at `debug` some of them log their input, which contains
/// payloads and tokens.
fn is_allowed(metadata: &Metadata<'_>, verbose: bool, quiet_library: &str) -> bool {
    let target = metadata.target();
    // lapin logs every returned message with its body.
    if target.ends_with("::returned_messages") {
        return false;
    }
    if target.starts_with("tidings") {
        return true;
    }
    *metadata.level() <= Level::INFO && (verbose || !target.starts_with(quiet_library))
}
