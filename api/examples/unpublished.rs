//! The API with publishing replaced by an immediate yes: what HTTP, tokens and JSON cost without the
//! broker. For `./dev bench`; it loses everything that it accepts.

use std::process::ExitCode;

use anyhow::Context;
use tidings_api::app::App;
use tidings_api::settings::ApiSettings;
use tidings_broker::CLIENT_LIBRARY;
use tidings_broker::Publisher;
use tidings_runtime::program::{self, Threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: &str = "tidings-api-unpublished";

fn main() -> ExitCode {
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
    app.with_publisher(Publisher::immediate())
        .run(started.stop)
        .await
}
