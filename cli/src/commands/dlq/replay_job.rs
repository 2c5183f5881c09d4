//! `tidings dlq replay` and `purge` by a job, which a worker runs.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::dead_letters::{self, DeadLetterFilter, Figures};
use tidings_db::replay_jobs::{self, JobKind, JobRow, JobState, NewJob};
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
    /// What it does.
    pub kind: JobKind,
    /// Whether to count only.
    pub dry_run: bool,
    /// Whether to return without waiting for its end.
    pub detach: bool,
    /// How many dead letters a second.
    pub rate: u32,
}

/// Creates a job unless `confirm` refuses the number of its dead letters, and shows its progress until it ends. The exit code is 0
/// only if all of them are done.
pub async fn run(
    selection: &Selection,
    options: JobOptions,
    confirm: impl AsyncFnOnce(usize) -> anyhow::Result<bool>,
) -> anyhow::Result<CommandOutput> {
    let filter = selection.filter.recorded()?;
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings dlq")?;
    let counting = database.run(async |client| dead_letters::figures(client, &filter).await);
    let figures = counting.await.context("PostgreSQL failed")?;
    let total = usize::try_from(figures.total).unwrap_or_default();
    let missed = total == 0 && selection.has_ids();
    if options.dry_run {
        return Ok(rehearsed(&figures, options.kind)?.success_if(!missed));
    }
    require_scheduler(&database).await?;
    if !confirm(total).await? {
        let json = json!({"total": total, "done": 0});
        return Ok(CommandOutput::new("Nothing is changed.\n".to_owned(), json)?.success_if(false));
    }
    let job = create(&database, &filter, options).await?;
    if options.detach {
        return Ok(jobs::shown(&job)?.success_if(!missed));
    }
    let job = follow(&database, job).await?;
    let is_done = job.state == JobState::Done && job.failed == 0 && job.skipped == 0;
    Ok(jobs::shown(&job)?.success_if(is_done && !missed))
}

fn rehearsed(figures: &Figures, kind: JobKind) -> anyhow::Result<CommandOutput> {
    let mut text = Text::default();
    let total = usize::try_from(figures.total).unwrap_or_default();
    text.line(format_args!(
        "Would {} {}.",
        kind.as_str(),
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
        .context("nothing was changed")?;
    if age.is_none_or(|age| age > SCHEDULER_AGE) {
        bail!(
            "nothing was changed: no worker runs the scheduler, which runs jobs; start one, or use what is in the queue"
        );
    }
    Ok(())
}

async fn create(
    database: &Database,
    filter: &DeadLetterFilter,
    options: JobOptions,
) -> anyhow::Result<JobRow> {
    let (origin, job) = (
        operator(),
        NewJob {
            kind: options.kind,
            filter,
            rate_per_second: options.rate,
        },
    );
    let created = database.transaction(TransactionOptions::default(), async |transaction| {
        replay_jobs::create(transaction, &job, &origin).await
    });
    created.await.context("nothing was changed")
}

/// Waits until the job ends or is paused.
async fn follow(database: &Database, mut job: JobRow) -> anyhow::Result<JobRow> {
    let id = job.id;
    let bar = progress::bar(u64::try_from(job.total).unwrap_or_default());
    while !job.state.has_ended() && job.state != JobState::Paused {
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
