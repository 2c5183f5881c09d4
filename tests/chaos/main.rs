//! `./dev chaos`: clients record in a ledger what was accepted, and what users changed, while faults are injected; at the
//! end the ledger is compared with the rows, the receivers and what readers have seen.

mod args;
mod clients;
mod clock_history;
mod components;
mod gap_causes;
mod guests;
mod inbox;
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
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use report::Report;
use run_log::RunLog;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    raise_file_limit();
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

/// Raises the limit of open files to the hard limit: each stream passes a proxy, and takes three connections. The programs
/// inherit it.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        eprintln!("the limit of open files stays: {error}");
    }
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
