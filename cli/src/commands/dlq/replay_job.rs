//! `tidings dlq replay` by a job, which a worker runs.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::dead_letters::{self, DeadLetterFilter, Figures};
use tidings_db::replay_jobs::{self, JobKind, JobRow, NewJob};
use tidings_db::{Database, DatabaseSettings, TransactionOptions, scheduler_heartbeats};

use super::selection::Selection;
use crate::commands::jobs;
use crate::operator::operator;
use crate::output::{CommandOutput, Text, count, printable};
use crate::progress;
use crate::settings;

/// How often the command looks at the job.
const POLL: Duration = Duration::from_millis(300);

/// A worker whose scheduler has not run for this long does not run.
const SCHEDULER_AGE: Duration = Duration::from_secs(30);

/// How the job runs.
#[derive(Clone, Copy, Debug)]
pub struct JobOptions {
    /// Whether to count only.
    pub dry_run: bool,
    /// Whether to return without waiting for its end.
    pub detach: bool,
    /// How many dead letters a second.
    pub rate: u32,
}

/// Creates a job, and shows its progress until it ends.
pub async fn run(selection: &Selection, options: JobOptions) -> anyhow::Result<CommandOutput> {
    let filter = selection.dead_letters()?;
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings dlq replay")?;
    if options.dry_run {
        let figures = database
            .run(async |client| dead_letters::figures(client, &filter).await)
            .await
            .context("PostgreSQL failed")?;
        let missed = figures.total == 0 && selection.has_ids();
        return Ok(rehearsed(&figures)?.success_if(!missed));
    }
    require_scheduler(&database).await?;
    let job = create(&database, &filter, options.rate).await?;
    let missed = job.total == 0 && selection.has_ids();
    let job = if options.detach {
        job
    } else {
        follow(&database, job).await?
    };
    let success = !missed && job.failed == 0 && job.skipped == 0;
    Ok(jobs::shown(&job)?.success_if(success))
}

fn rehearsed(figures: &Figures) -> anyhow::Result<CommandOutput> {
    let mut text = Text::default();
    let total = usize::try_from(figures.total).unwrap_or_default();
    text.line(format_args!(
        "Would replay {}.",
        count(total, "dead letter")
    ));
    for (reason, n) in &figures.by_reason {
        text.line(format_args!("  {n} {}", printable(reason)));
    }
    let mut json = figures.to_json();
    json["dryRun"] = json!(true);
    CommandOutput::new(text, json)
}

async fn require_scheduler(database: &Database) -> anyhow::Result<()> {
    let age = database
        .run(async |client| scheduler_heartbeats::last_beat(client).await)
        .await
        .context("nothing was replayed")?;
    if age.is_none_or(|age| age > SCHEDULER_AGE) {
        bail!(
            "nothing was replayed: no worker runs the scheduler, which replays; start one, or use --from-queue"
        );
    }
    Ok(())
}

async fn create(
    database: &Database,
    filter: &DeadLetterFilter,
    rate: u32,
) -> anyhow::Result<JobRow> {
    let (origin, job) = (
        operator(),
        NewJob {
            kind: JobKind::Replay,
            filter,
            rate_per_second: rate,
        },
    );
    let created = database.transaction(TransactionOptions::default(), async |transaction| {
        replay_jobs::create(transaction, &job, &origin).await
    });
    created.await.context("nothing was replayed")
}

/// Waits until the job ends or is paused.
async fn follow(database: &Database, mut job: JobRow) -> anyhow::Result<JobRow> {
    let id = job.id;
    let bar = progress::bar(u64::try_from(job.total).unwrap_or_default());
    while !job.state.has_ended() && job.state != replay_jobs::JobState::Paused {
        tokio::time::sleep(POLL).await;
        let found = database
            .run(async |client| replay_jobs::find(client, id).await)
            .await
            .with_context(|| format!("the job runs on; `tidings jobs show {id}` shows it"))?;
        job = found.with_context(|| format!("the job {id} is gone"))?;
        bar.set_position(u64::try_from(job.done + job.failed + job.skipped).unwrap_or_default());
    }
    bar.finish_and_clear();
    Ok(job)
}
