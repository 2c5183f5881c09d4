//! The worker without the messages that wake the streams of inboxes: what they cost the intake is the difference to the worker.
//! For `./dev bench inbox`; without it, streams are late.

use std::process::ExitCode;

use anyhow::Context;
use tidings_broker::{CLIENT_LIBRARY, WakePublisher, ensure_thread_stack_size};
use tidings_runtime::program::{self, Threads};
use tidings_worker::app::App;
use tidings_worker::settings::WorkerSettings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: &str = "tidings-worker-without-wakes";

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
    let app = app.with_wakes(WakePublisher::silent());
    Box::pin(app.run(started.stop)).await
}
