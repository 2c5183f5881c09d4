//! The API with publishing replaced by an immediate yes: what HTTP, tokens and JSON cost without the
//! broker. For `./dev bench`; it loses everything that it accepts.

use std::process::ExitCode;

use anyhow::Context;
use tidings_api::app::App;
use tidings_api::settings::Settings;
use tidings_broker::CLIENT_LIBRARY;
use tidings_broker::Publisher;
use tidings_runtime::program::{self, Threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: &str = "tidings-api-unpublished";

fn main() -> ExitCode {
    program::main(SERVICE, Threads::One, Settings::read, run)
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let started = program::start(
        SERVICE,
        CLIENT_LIBRARY,
        &settings.telemetry,
        settings.shutdown,
    )?;
    let app = App::build(settings, started.metrics).context("cannot start")?;
    app.publishing_by(Publisher::immediate())
        .run(started.stop)
        .await
}
