//! A run, from its beginning to its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;

use crate::args::Args;
use crate::clients::{self, Clients};
use crate::demon::{self, Kind, Schedule};
use crate::installation::{Installation, Mib, Places, Program, Servers, bound};
use crate::ledger::Ledger;
use crate::parts::Part;
use crate::pause::wait;
use crate::report::{MemoryLevel, Report, rounded};
use crate::settle::{Books, LIMIT};
use crate::story::Story;

/// How long clients post before anything happens. It is also longer than the 2 s for which a queue of
/// RabbitMQ's must be left in peace after its declaration (its first snapshot of who its members are).
const WARM_UP: Duration = Duration::from_secs(15);

/// From one line about the clients to the next.
const PROGRESS: Duration = Duration::from_secs(10);

/// How long memory may take to come back to its level.
const MEMORY: Duration = Duration::from_mins(1);

/// Does it all and writes down what comes of it.
pub async fn run(args: &Args, story: &Arc<Story>, report: &mut Report) -> anyhow::Result<()> {
    let folders = Folders::make(&args.dir)?;
    let places = Places {
        programs: &args.bin_dir,
        logs: &folders.logs,
        sandbox: &folders.sandbox,
    };
    let servers = Servers::new(&args.dev, &folders.servers);
    story.tell("starting RabbitMQ and PostgreSQL");
    servers.start_all(args.cluster).await?;
    let on = Arc::new(Installation::new(servers, &places, Arc::clone(story)).await?);
    let users = Arc::new(on.database.prepare().await?);
    story.tell("starting two processes of each program");
    on.start().await?;

    let ledger = Arc::new(Ledger::create(&folders.ledger)?);
    let clients = Clients::start(clients::World {
        story: Arc::clone(story),
        ledger: Arc::clone(&ledger),
        users,
        entrances: on.entrances(),
        rate: args.rate,
        seed: report.seed,
    })?;
    let books = Books {
        ledger: &ledger,
        sandbox: &folders.sandbox,
    };
    let through = through(args, &on, &clients, &books, report);
    tokio::select! {
        done = through => done,
        never = on.watch() => never,
        never = progress(&on, &clients) => never,
    }
}

/// From the first notification to the last look.
async fn through(
    args: &Args,
    on: &Arc<Installation>,
    clients: &Clients,
    books: &Books<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let story = &on.story;
    wait(WARM_UP).await;
    let levels = memory_levels(on).await;
    story.tell(format_args!(
        "all is well, {} accepted; the demon wakes",
        clients.tally.counts().accepted
    ));

    let kinds = if args.faults.is_empty() {
        Kind::all(on.nodes)
    } else {
        args.faults.clone()
    };
    let schedule = Schedule::new(report.seed, on.nodes, kinds);
    let how_long = Duration::from_mins(args.minutes);
    demon::rage(on, &clients.tally, schedule, how_long, &mut report.deeds).await?;
    let healed = Instant::now();
    let waiting = clients.finish(LIMIT).await;
    if waiting > 0 {
        story.complain(format_args!("{waiting} notifications got no 202 at all"));
    }
    report.longest_gap = Some(clients.tally.longest_gap(healed));
    report.counts = Some(clients.tally.counts());
    for (what, times) in clients.tally.wrong_answers() {
        story.complain(format_args!("clients got {what}, {times} times"));
    }
    story.tell("the clients are done; everything must come through now");
    if let Some(settled) = books.settle(on).await {
        report.seconds_to_heal = Some(rounded(settled - healed));
    }
    report.memory = memory_back(on, &levels).await;

    // Whatever a worker holds goes back to its queue now, and can be seen there.
    join_all(on.programs().map(|program| leave(program, story))).await;
    let depths = on.broker.depths().await?;
    if !depths.waiting.is_empty() {
        story.complain(format_args!("left in queues: {:?}", depths.waiting));
    }
    report.dead_letters = Some(depths.dead_letters);
    report.findings = Some(books.compare(on).await?);
    let failed = on
        .programs()
        .map(|program| program.logged("message failed"));
    report.failed_messages = failed.sum();
    Ok(())
}

/// Where a run keeps what is its own.
struct Folders {
    ledger: PathBuf,
    logs: PathBuf,
    sandbox: PathBuf,
    servers: PathBuf,
}

impl Folders {
    /// Below `root`, which is empty.
    fn make(root: &Path) -> anyhow::Result<Self> {
        let folders = Self {
            ledger: root.join("ledger"),
            logs: root.join("log"),
            sandbox: root.join("sandbox"),
            servers: root.join("servers"),
        };
        fs::create_dir_all(&folders.logs)
            .with_context(|| format!("cannot make {}", folders.logs.display()))?;
        Ok(folders)
    }
}

/// Tells now and then how things stand, while notifications are posted. Never ends.
async fn progress(on: &Installation, clients: &Clients) -> ! {
    let mut told = None;
    loop {
        wait(PROGRESS).await;
        let counts = clients.tally.counts();
        if told.replace(counts) == Some(counts) {
            continue;
        }
        let mut memories = Vec::new();
        for program in on.programs() {
            let memory = program.memory().await;
            memories.push(memory.map_or("-".to_owned(), |memory| Mib(memory.resident).to_string()));
        }
        on.story.tell(format_args!(
            "{} accepted, {} refused, {} not answered; memory {}",
            counts.accepted,
            counts.refused,
            counts.unanswered,
            memories.join(", ")
        ));
    }
}

/// What the processes of each program have, the larger one of two.
async fn memory_levels(on: &Installation) -> BTreeMap<&'static str, u64> {
    let mut levels = BTreeMap::new();
    for program in on.programs() {
        if let Some(memory) = program.memory().await {
            let level = levels.entry(kind(program.part)).or_default();
            *level = memory.resident.max(*level);
        }
    }
    levels
}

const fn kind(part: Part) -> &'static str {
    match part {
        Part::Api(_) => "api",
        _ => "worker",
    }
}

/// Waits until each process has no more memory than it may, at most for [`MEMORY`].
async fn memory_back(on: &Installation, levels: &BTreeMap<&'static str, u64>) -> Vec<MemoryLevel> {
    let deadline = Instant::now() + MEMORY;
    loop {
        let memories = memories(on, levels).await;
        let back = memories.iter().all(|memory| memory.now <= memory.bound);
        if back || Instant::now() > deadline {
            return memories;
        }
        wait(Duration::from_secs(1)).await;
    }
}

async fn memories(on: &Installation, levels: &BTreeMap<&'static str, u64>) -> Vec<MemoryLevel> {
    let mut memories = Vec::new();
    for program in on.programs() {
        let level = levels.get(kind(program.part)).copied().unwrap_or_default();
        if let Some(memory) = program.memory().await {
            memories.push(MemoryLevel {
                part: program.part,
                level,
                now: memory.resident,
                peak: memory.peak,
                bound: bound(level),
            });
        }
    }
    memories
}

/// A process that is still there leaves in good order.
async fn leave(program: &Program, story: &Story) {
    match program.stop(story).await {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => story.complain(format_args!("{} left with {status}", program.part)),
        Ok(None) => story.complain(format_args!("{} was not there any more", program.part)),
        Err(error) => story.complain(format_args!("{}: {error:#}", program.part)),
    }
}
