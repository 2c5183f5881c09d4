//! `./dev chaos`: a ledger of what was promised, a demon who breaks what can be broken, and a look at
//! what became of the promises.

mod args;
mod clients;
mod demon;
mod dice;
mod installation;
mod ledger;
mod parts;
mod pause;
mod proxy;
mod report;
mod run;
mod settle;
mod story;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use report::Report;
use story::Story;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(a_seed);
    eprintln!("seed {seed}, {} minutes", args.minutes);
    let story = Arc::new(Story::begin());
    let mut report = Report::new(seed, args.minutes);
    let ended = tokio::select! {
        ended = run::run(&args, &story, &mut report) => ended,
        interrupted = interruption() => interrupted,
    };
    if let Err(error) = ended {
        story.complain(format_args!("{error:#}"));
    }
    report.complaints = story.complaints();
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

/// A number that a person can type again.
fn a_seed() -> u64 {
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    random % 1_000_000
}

/// Ends, with an error, when somebody wants this to end.
async fn interruption() -> anyhow::Result<()> {
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
