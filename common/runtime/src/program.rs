//! Start and end of `tidings-api` and `tidings-worker`.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{CommandFactory, FromArgMatches, Parser};
use metrics::gauge;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{open_files, shutdown, statistics, telemetry, traces};
use tidings_settings::{
    EXIT_CONFIG, Reader, SettingProblem, SettingProblems, ShutdownSettings, Sources,
    TelemetrySettings,
};

/// Settings come from the environment, from a file .env in the working folder or above it, and from a
/// settings file. docs/CONFIGURATION.md lists all settings.
///
/// Exit codes: 0 stopped as asked, 1 failed, 2 wrong arguments, 78 wrong settings.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The settings file (YAML); by default the file that the variable `TIDINGS_CONFIG` names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the settings, print every mistake, and exit without connecting to anything
    #[arg(long)]
    check_config: bool,
    /// With --check-config: print the mistakes as one JSON object to standard output
    #[arg(long, requires = "check_config")]
    json: bool,
}

impl Args {
    fn parse_for(service: &'static str) -> Self {
        let matches = Self::command().name(service).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The names of environment variables that are ignored.
static IGNORED_VARIABLES: OnceLock<Vec<String>> = OnceLock::new();

/// The threads of a program's main runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One thread, which also runs `work`.
    One,
    /// As many threads as cores.
    Cores,
}

/// Reads the arguments and the settings, then runs `work` on a runtime of its own. Returns 0, 1 if the
/// work fails, or [`EXIT_CONFIG`] after it has printed everything that is wrong with the settings.
pub fn main<S, E: Display>(
    service: &'static str,
    threads: Threads,
    read: impl FnOnce(Reader) -> Result<S, SettingProblems>,
    work: impl AsyncFnOnce(S) -> Result<(), E>,
) -> ExitCode {
    let args = Args::parse_for(service);
    let sources = Sources::load(args.config.as_deref());
    // Logging has not started.
    let _ = IGNORED_VARIABLES.set(sources.ignored().to_vec());
    let settings = match read(Reader::new(sources)) {
        Ok(_) if args.check_config => return report_problems(service, args.json, &[]),
        Ok(settings) => settings,
        Err(SettingProblems(problems)) => return report_problems(service, args.json, &problems),
    };
    let mut runtime = match threads {
        Threads::One => tokio::runtime::Builder::new_current_thread(),
        Threads::Cores => tokio::runtime::Builder::new_multi_thread(),
    };
    let worked = runtime
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            // `#` makes anyhow print the causes too.
            let worked = runtime
                .block_on(work(settings))
                .map_err(|error| format!("{error:#}"));
            runtime.block_on(traces::flush());
            // Do not wait for a name lookup that hangs.
            runtime.shutdown_background();
            worked
        });
    match worked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "stopped by an error");
            let error = telemetry::redact(error.as_bytes());
            eprintln!("{service}: {}", String::from_utf8_lossy(&error));
            ExitCode::FAILURE
        }
    }
}

/// Prints what is wrong with the settings.
fn report_problems(service: &'static str, as_json: bool, problems: &[SettingProblem]) -> ExitCode {
    if as_json {
        let all: Vec<_> = problems
            .iter()
            .map(|problem| json!({ "name": problem.name, "message": problem.message }))
            .collect();
        println!("{}", json!({ "problems": all }));
    } else if !problems.is_empty() {
        eprintln!("{service}: {}", SettingProblems(problems.to_vec()));
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_CONFIG)
    }
}

/// What a program has after its start.
pub struct Started {
    /// The metrics of the program.
    pub metrics: telemetry::Metrics,
    /// Cancelled by the first signal that asks the program to stop.
    pub stop: CancellationToken,
}

/// Why a program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process may not install signal handlers.
    #[error("cannot watch signals: {0}")]
    Signals(#[from] std::io::Error),
    /// A metrics recorder is installed already.
    #[error("cannot record metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Starts logging, metrics, traces and signal handling. Raises the limit of open files.
///
/// # Errors
///
/// Returns a `StartError` if signal handlers or the metrics recorder cannot be installed.
pub fn start(
    service: &'static str,
    quiet_library: &'static str,
    telemetry: &TelemetrySettings,
    shutdown: ShutdownSettings,
) -> Result<Started, StartError> {
    telemetry::start_logging(telemetry, service, quiet_library);
    open_files::raise_limit();
    for variable in IGNORED_VARIABLES.get().into_iter().flatten() {
        tracing::info!(
            variable,
            "ignored: Kubernetes sets this variable for a service of that name; name the service differently, or set enableServiceLinks to false"
        );
    }
    // Fails only if another provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(settings) = &telemetry.traces {
        traces::start(settings, service);
    }
    let stop = shutdown::on_signal(shutdown.timeout)?;
    let metrics = telemetry::install_metrics()?;
    statistics::events::register_metrics();
    // All packages of the workspace have one version.
    let version = env!("CARGO_PKG_VERSION");
    gauge!("tidings_build_info", "program" => service, "version" => version).set(1.0);
    Ok(Started { metrics, stop })
}
