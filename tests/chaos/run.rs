//! A run from start to end.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;
use tidings_broker::Failure;
use uuid::Uuid;

use crate::args::Args;
use crate::clients::{self, Clients};
use crate::gap_causes::longest_by_hurt;
use crate::inbox::{ReaderSettings, Readers};
use crate::injector::{self, FaultKind, Schedule};
use crate::installation::{DevServers, Installation, Mib, Paths, SupervisedProgram};
use crate::ledger::Ledger;
use crate::memory_baseline::MemoryBaseline;
use crate::report::{Report, rounded};
use crate::run_log::RunLog;
use crate::settle::{LIMIT, Records};
use crate::timing::wait;

/// How long clients post before the first fault. Also longer than the 2 s after its declaration in which a queue
/// does not survive a kill of RabbitMQ (until its first snapshot of its members).
const WARM_UP: Duration = Duration::from_secs(15);

/// Time between two log lines about the clients.
const PROGRESS: Duration = Duration::from_secs(10);

/// Performs the run and fills in the report.
pub async fn run(args: &Args, log: &Arc<RunLog>, report: &mut Report) -> anyhow::Result<()> {
    let folders = Folders::create(&args.dir)?;
    let paths = Paths {
        programs: &args.bin_dir,
        logs: &folders.logs,
        sandbox: &folders.sandbox,
    };
    let servers = DevServers::new(&args.dev, &folders.servers);
    log.info("starting RabbitMQ and PostgreSQL");
    servers.start_all(args.cluster).await?;
    let on = Arc::new(Installation::new(servers, &paths, Arc::clone(log)).await?);
    on.clock.check(&on.database).await?;
    let users = Arc::new(on.database.prepare(args.readers).await?);
    log.info("starting three APIs, two workers and two schedulers");
    on.start().await?;

    let ledger = Arc::new(Ledger::create(&folders.ledger)?);
    let clients = Clients::start(clients::ClientSettings {
        log: Arc::clone(log),
        ledger: Arc::clone(&ledger),
        users: Arc::clone(&users),
        api_ports: on.api_ports(),
        rate: args.rate,
        seed: report.seed,
    })?;
    let readers = Readers::start(&ReaderSettings {
        log: Arc::clone(log),
        stats: Arc::clone(&clients.stats),
        users: &users.readers,
        api_ports: on.api_ports(),
        seed: report.seed,
    })?;
    let records = Records {
        ledger: &ledger,
        sandbox: &folders.sandbox,
        readers: &readers,
    };
    let phases = phases(args, &on, &clients, &records, report);
    tokio::select! {
        done = phases => done,
        never = on.watch() => never,
        never = progress(&on, &clients) => never,
    }
}

/// Runs the phases: warm-up, faults, settling, final check.
async fn phases(
    args: &Args,
    on: &Arc<Installation>,
    clients: &Clients,
    records: &Records<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    wait(WARM_UP).await;
    let baseline = MemoryBaseline::measure(on).await;
    on.log.info("warm-up ends; faults start");
    let kinds = if args.faults.is_empty() {
        FaultKind::all(on.nodes)
    } else {
        args.faults.clone()
    };
    let schedule = Schedule::new(report.seed, on.nodes, kinds, args.interval);
    let how_long = Duration::from_mins(args.minutes);
    let injected_all =
        injector::inject(on, &clients.stats, schedule, how_long, &mut report.injected).await;
    let ended = Instant::now();
    if injected_all.is_ok() {
        let waiting = clients.finish(LIMIT).await;
        if waiting > 0 {
            let what = format_args!("{waiting} requests never got a 202");
            on.log.error(what);
        }
        let waiting = records.readers.finish_marks(LIMIT).await;
        if waiting > 0 {
            let what = format_args!("{waiting} readers got no answer");
            on.log.error(what);
        }
    }
    report.counts = Some(clients.stats.counts());
    let gaps = clients.stats.gaps(ended);
    report.gaps = Some(longest_by_hurt(&gaps, &report.injected.periods));
    injected_all?;

    on.log
        .info("clients have finished; waiting until everything is recorded and delivered");
    if let Some(settled) = records.settle(on, &report.injected.periods).await {
        report.seconds_to_heal = Some(rounded(settled - ended));
    }
    check_readers(on, records.readers, report).await?;
    for (what, times) in clients.stats.wrong_answers() {
        on.log
            .error(format_args!("unexpected response {what}, {times} times"));
    }
    report.memory = baseline.wait_until_within_bounds(on).await;
    final_check(on, records, report).await
}

/// Ends all streams, and compares what the readers are shown with the rows.
async fn check_readers(
    on: &Installation,
    readers: &Readers,
    report: &mut Report,
) -> anyhow::Result<()> {
    readers.finish_streams().await;
    let wrong = readers.check_counts(&on.database).await?;
    let mut summary = readers.summary();
    summary.wrong_counts = Some(wrong);
    report.readers = Some(summary);
    Ok(())
}

/// Stops all programs and checks what only the servers know.
async fn final_check(
    on: &Installation,
    records: &Records<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let log = &on.log;
    // A worker that stops returns the messages that it holds.
    join_all(on.programs().map(|program| stop(program, log))).await;
    let remaining = on.broker.remaining_messages().await?;
    if !remaining.waiting.is_empty() {
        log.error(format_args!(
            "messages left in queues: {:?}",
            remaining.waiting
        ));
    }
    let findings = records.compare(on, &report.injected.periods).await?;
    let letters = on.broker.dead_letters().await?;
    anyhow::ensure!(
        u64::try_from(letters.len())? == remaining.dead_letters,
        "the dead-letter queue holds {} messages, {} were read",
        remaining.dead_letters,
        letters.len()
    );
    report.dead_letters = Some(count_wrong(&letters, &findings.outcome_unknown));
    for (id, reason) in letters {
        log.info(format_args!("dead notification {id:?}: {reason}"));
    }
    report.findings = Some(findings);
    for program in on.programs() {
        report.failed_messages += program.lines_with(r#""message":"message failed""#);
        // Programs catch panics and go on, but no run may cause one.
        match program.lines_with("panicked at") {
            0 => {}
            n => log.error(format_args!("{} panicked {n} times", program.component)),
        }
    }
    Ok(())
}

/// Counts the dead letters that do not belong to `unknown`, the notifications whose outcome is rightly unknown. A copy
/// of such a message may be a dead letter `already_failed`.
fn count_wrong(letters: &[(Option<Uuid>, String)], unknown: &HashSet<Uuid>) -> usize {
    let is_right = |(id, reason): &&(Option<Uuid>, String)| {
        let reasons = [Failure::OUTCOME_UNKNOWN, "already_failed"];
        id.is_some_and(|id| unknown.contains(&id)) && reasons.contains(&reason.as_str())
    };
    letters.len() - letters.iter().filter(is_right).count()
}

/// The files and folders of a run.
struct Folders {
    ledger: PathBuf,
    logs: PathBuf,
    sandbox: PathBuf,
    servers: PathBuf,
}

impl Folders {
    /// Creates the folders below `root`, which is empty.
    fn create(root: &Path) -> anyhow::Result<Self> {
        let folders = Self {
            ledger: root.join("ledger"),
            logs: root.join("log"),
            sandbox: root.join("sandbox"),
            servers: root.join("servers"),
        };
        fs::create_dir_all(&folders.logs)
            .with_context(|| format!("cannot create {}", folders.logs.display()))?;
        Ok(folders)
    }
}

/// Logs the progress while clients post. Never returns.
async fn progress(on: &Installation, clients: &Clients) -> ! {
    let mut last = None;
    loop {
        wait(PROGRESS).await;
        let counts = clients.stats.counts();
        if last.replace(counts) == Some(counts) {
            continue;
        }
        let mut memories = Vec::new();
        for program in on.programs() {
            let memory = program.memory().await;
            memories.push(memory.map_or("-".to_owned(), |memory| Mib(memory.resident).to_string()));
        }
        on.log.info(format_args!(
            "{} accepted, {} refused, {} unanswered; memory {}",
            counts.accepted,
            counts.refused,
            counts.unanswered,
            memories.join(", ")
        ));
    }
}

/// Stops a program. Logs an error if it does not run or does not exit with 0.
async fn stop(program: &SupervisedProgram, log: &RunLog) {
    match program.stop(log).await {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => log.error(format_args!("{} exited with {status}", program.component)),
        Ok(None) => log.error(format_args!("{} was not running", program.component)),
        Err(error) => log.error(format_args!("{}: {error:#}", program.component)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_right_only_for_a_notification_whose_outcome_is_rightly_unknown() {
        let [known, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let letter = |id, reason: &str| (id, reason.to_owned());
        let letters = [
            letter(Some(known), "outcome_unknown"),
            letter(Some(known), "already_failed"),
            letter(Some(known), "provider_failed"),
            letter(Some(other), "outcome_unknown"),
            letter(None, "outcome_unknown"),
        ];
        assert_eq!(count_wrong(&letters, &HashSet::from([known])), 3);
    }
}
