//! The program `tidings-worker`.

use std::process::ExitCode;

use anyhow::Context;
use tidings_broker::{CLIENT_LIBRARY, ensure_thread_stack_size};
use tidings_runtime::program::{self, Threads};
use tidings_worker::app::App;
use tidings_worker::settings::WorkerSettings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: &str = "tidings-worker";

fn main() -> ExitCode {
    if let Err(error) = ensure_thread_stack_size() {
        eprintln!("{SERVICE}: threads keep their default stack size: {error}");
    }
    program::main(SERVICE, Threads::Cores, WorkerSettings::read, run)
}

async fn run(settings: WorkerSettings) -> anyhow::Result<()> {
    let started = program::start(
        SERVICE,
        CLIENT_LIBRARY,
        &settings.telemetry,
        settings.shutdown,
    )?;
    let app = App::build(settings, started.metrics).context("cannot start")?;
    Box::pin(app.run(started.stop)).await?;
    tracing::info!("stopped");
    Ok(())
}
