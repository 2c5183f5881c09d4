//! What both programs do before and after their own work.

use std::fmt::Display;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::{shutdown, telemetry};
use tidings_settings::{
    EXIT_CONFIG, Problems, Reader, ShutdownSettings, TelemetrySettings, load_dotenv,
};

/// Reads the settings, then does `work` on a runtime of its own. The exit code is 0, 1 where the
/// work failed, or [`EXIT_CONFIG`] with everything that is wrong on standard error.
pub fn main<S, E: Display>(
    service: &'static str,
    read: impl FnOnce(Reader) -> Result<S, Problems>,
    work: impl AsyncFnOnce(S) -> Result<(), E>,
) -> ExitCode {
    let settings = match load_dotenv().and_then(|()| read(Reader::from_env())) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("{service}: {problems}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let worked = tokio::runtime::Runtime::new()
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            // `#` has anyhow write the causes too.
            let worked = runtime
                .block_on(work(settings))
                .map_err(|error| format!("{error:#}"));
            // Nobody waits for a name lookup that hangs.
            runtime.shutdown_background();
            worked
        });
    match worked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "stopped by an error");
            eprintln!("{service}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a program has once it has started.
pub struct Started {
    /// Its figures.
    pub metrics: telemetry::Metrics,
    /// Cancelled when it is asked to stop.
    pub stop: CancellationToken,
}

/// Why a program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process may not install signal handlers.
    #[error("cannot watch signals: {0}")]
    Signals(#[from] std::io::Error),
    /// The process records metrics already.
    #[error("cannot record metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Starts logging, metrics and the watch for signals.
///
/// # Errors
///
/// Where one of them cannot be had.
pub fn start(
    service: &'static str,
    quiet_library: &'static str,
    telemetry: &TelemetrySettings,
    shutdown: ShutdownSettings,
) -> Result<Started, StartError> {
    telemetry::start_logging(telemetry, service, quiet_library);
    // Fails only where somebody installed another before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(Started {
        stop: shutdown::on_signal(shutdown.timeout)?,
        metrics: telemetry::install_metrics()?,
    })
}
