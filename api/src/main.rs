//! The program `tidings-api`.

use std::process::ExitCode;

use anyhow::Context;
use tidings_api::app::App;
use tidings_api::settings::ApiSettings;
use tidings_broker::{CLIENT_LIBRARY, ensure_thread_stack_size};
use tidings_runtime::program::{self, Threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: &str = "tidings-api";

fn main() -> ExitCode {
    if let Err(error) = ensure_thread_stack_size() {
        eprintln!("{SERVICE}: threads keep their default stack size: {error}");
    }
    // Requests run on the threads of actix-web, each with a runtime of its own. The main runtime drives the publisher's
    // connection: with one thread, no message waits for a switch between threads of the same runtime.
    program::main(SERVICE, Threads::One, ApiSettings::read, run)
}

async fn run(settings: ApiSettings) -> anyhow::Result<()> {
    let started = program::start(
        SERVICE,
        CLIENT_LIBRARY,
        &settings.telemetry,
        settings.shutdown,
    )?;
    let app = App::build(settings, started.metrics).context("cannot start")?;
    app.run(started.stop).await?;
    tracing::info!("stopped");
    Ok(())
}
