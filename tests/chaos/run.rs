//! A run, from its beginning to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;

use crate::args::Args;
use crate::clients::{self, Clients};
use crate::demon::{self, Kind, Schedule};
use crate::installation::{Installation, Mib, Places, Program, Servers};
use crate::ledger::Ledger;
use crate::levels::Levels;
use crate::pause::wait;
use crate::report::{Report, rounded};
use crate::settle::{Books, LIMIT};
use crate::story::Story;

/// How long clients post before anything happens. It is also longer than the 2 s for which a queue of
/// RabbitMQ's must be left in peace after its declaration (its first snapshot of who its members are).
const WARM_UP: Duration = Duration::from_secs(15);

/// From one line about the clients to the next.
const PROGRESS: Duration = Duration::from_secs(10);

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
    wait(WARM_UP).await;
    let levels = Levels::measure(on).await;
    on.story.tell("all is well; the demon wakes");
    let kinds = if args.faults.is_empty() {
        Kind::all(on.nodes)
    } else {
        args.faults.clone()
    };
    let schedule = Schedule::new(report.seed, on.nodes, kinds);
    let how_long = Duration::from_mins(args.minutes);
    let raged = demon::rage(on, &clients.tally, schedule, how_long, &mut report.deeds).await;
    let healed = Instant::now();
    if raged.is_ok() {
        let waiting = clients.finish(LIMIT).await;
        if waiting > 0 {
            let what = format_args!("{waiting} requests went on without a 202 for ever");
            on.story.complain(what);
        }
    }
    report.counts = Some(clients.tally.counts());
    report.longest_gap = Some(clients.tally.longest_gap(healed));
    for (what, times) in clients.tally.wrong_answers() {
        on.story
            .complain(format_args!("clients got {what}, {times} times"));
    }
    raged?;

    on.story
        .tell("the clients are done; everything must come through now");
    if let Some(settled) = books.settle(on).await {
        report.seconds_to_heal = Some(rounded(settled - healed));
    }
    report.memory = levels.back(on).await;
    last_look(on, books, report).await
}

/// What can be seen when nothing runs any more but the servers.
async fn last_look(
    on: &Installation,
    books: &Books<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let story = &on.story;
    // Whatever a worker holds goes back to its queue now.
    join_all(on.programs().map(|program| leave(program, story))).await;
    let depths = on.broker.depths().await?;
    if !depths.waiting.is_empty() {
        story.complain(format_args!("left in queues: {:?}", depths.waiting));
    }
    report.dead_letters = Some(depths.dead_letters);
    report.findings = Some(books.compare(on).await?);
    for program in on.programs() {
        report.failed_messages += program.lines_with(r#""message":"message failed""#);
        // Whoever catches a panic lives on; nothing here may panic all the same.
        match program.lines_with("panicked at") {
            0 => {}
            n => story.complain(format_args!("{} panicked {n} times", program.part)),
        }
    }
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

/// A process that is still there leaves in good order.
async fn leave(program: &Program, story: &Story) {
    match program.stop(story).await {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => story.complain(format_args!("{} left with {status}", program.part)),
        Ok(None) => story.complain(format_args!("{} was not there any more", program.part)),
        Err(error) => story.complain(format_args!("{}: {error:#}", program.part)),
    }
}
