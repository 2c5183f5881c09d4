//! `./dev chaos`: clients record in a ledger what was accepted while faults are injected; at the end the ledger
//! is compared with the rows.

mod args;
mod clients;
mod clock_history;
mod components;
mod gap_causes;
mod injector;
mod installation;
mod ledger;
mod memory_baseline;
mod proxy;
mod receivers;
mod report;
mod rng;
mod run;
mod run_log;
mod settle;
mod timing;
mod verify;

use std::fs::OpenOptions;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use report::Report;
use run_log::RunLog;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(random_seed);
    eprintln!("seed {seed}, {} minutes", args.minutes);
    if let Some(path) = &args.json {
        // A wrong path must be reported now and not at the end of the run.
        let writable = OpenOptions::new().create(true).append(true).open(path);
        writable.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let log = Arc::new(RunLog::new());
    let mut report = Report::new(seed, args.minutes);
    report.max_gap = Duration::from_secs(args.max_gap);
    let ended = tokio::select! {
        ended = run::run(&args, &log, &mut report) => ended,
        error = interrupted() => error,
    };
    if let Err(error) = ended {
        log.error(format_args!("{error:#}"));
    }
    report.errors = log.errors();
    println!("\n{report}");
    if let Some(path) = &args.json {
        let written = std::fs::write(path, report.to_json()? + "\n");
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if report.failures().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns a short random number, so that it can be typed again.
fn random_seed() -> u64 {
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    random % 1_000_000
}

/// Returns an error on SIGINT or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    let (mut int, mut term) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    anyhow::bail!("interrupted")
}
