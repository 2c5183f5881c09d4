//! The program `tidings-bench`: measures an installation from outside. `./dev bench` runs it.
//!
//! It measures a load through the whole pipeline, what the parts can do alone, how near the pipeline comes to
//! its parts, how fast it delivers, how late scheduled notifications are, how rates change as the table grows, what hostile
//! clients and hanging destinations take from others, what access control costs, how inboxes and their streams do, and how long the dashboard waits. This
//! file only wires.

mod access;
mod args;
mod commands;
mod dashboard;
mod delivery;
mod destinations;
mod environment;
mod growth;
mod hostile;
mod inbox;
mod latency;
mod limits;
mod load;
mod output;
mod pipeline;
mod process_usage;
mod programs;
mod progress;
mod recorded_rows;
mod schedule;
mod scratch_topology;
mod settings;
mod statistics;
mod table;
mod targets;
mod test_users;
mod token;

use std::process::ExitCode;

use clap::Parser;
use tidings_broker::ensure_thread_stack_size;

fn main() -> ExitCode {
    if let Err(error) = ensure_thread_stack_size() {
        eprintln!("tidings-bench: threads keep their default stack size: {error}");
    }
    let args = args::Args::parse();
    // Hostile clients and streams need thousands of sockets.
    tidings_runtime::open_files::raise_limit();
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    settings::load();
    let passed = run(args.command).and_then(|result| result.print(args.json.as_deref()));
    output::exit_code(passed)
}

#[tokio::main]
async fn run(command: args::Command) -> anyhow::Result<output::MeasurementResult> {
    commands::run(command).await
}
