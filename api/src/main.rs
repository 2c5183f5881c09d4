//! The program `tidings-api`: wires and nothing else.

use std::process::ExitCode;

use anyhow::Context;
use tidings_api::app::App;
use tidings_api::settings::Settings;
use tidings_common::settings::{EXIT_CONFIG, Reader};
use tidings_common::{shutdown, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Variables of the environment win over those of the file; without a file there is nothing to do.
    let _ = dotenvy::dotenv();
    let settings = match Settings::read(Reader::from_env()) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("tidings-api: {problems}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            eprintln!("tidings-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(settings: Settings) -> anyhow::Result<()> {
    telemetry::start_logging(&settings.telemetry, "tidings-api");
    // Fails only where somebody installed another before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let stop = shutdown::on_signal(settings.shutdown.timeout).context("cannot watch signals")?;
    let metrics = telemetry::install_metrics().context("cannot record metrics")?;
    let app = App::build(settings, metrics).context("cannot start")?;
    app.run(stop).await.context("stopped by an error")?;
    tracing::info!("stopped");
    Ok(())
}
