//! `tidings jobs`: the jobs that replay and purge dead letters.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::replay_jobs::{self, ControlResult, JobChange, JobFilter, JobRow, MAX_RATE};
use tidings_db::{Database, DatabaseSettings, TransactionOptions};
use uuid::Uuid;

use crate::operator::operator;
use crate::output::{CommandOutput, Text, printable, table};
use crate::paging::read_pages;
use crate::settings;

/// The commands for jobs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List jobs, the newest first
    List {
        /// Only those that are pending, running, paused, aborted or done; `without_process`: no worker runs them; failing: they could
        /// not go on when they last tried
        #[arg(long)]
        state: Option<JobFilter>,
        /// The maximum number of jobs
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a job with its progress
    Show {
        /// The job
        id: Uuid,
    },
    /// Pause a job: it takes no more dead letters
    Pause {
        /// The job
        id: Uuid,
    },
    /// Continue a job that was paused
    Resume {
        /// The job
        id: Uuid,
    },
    /// End a job before its time; what it has taken already is sent
    Abort {
        /// The job
        id: Uuid,
    },
    /// Give a job another rate
    Rate {
        /// The job
        id: Uuid,
        /// How many dead letters it takes in a second
        #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_RATE)))]
        per_second: u32,
    },
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings jobs")?;
    let (id, change) = match command {
        Command::List { state, limit } => return list(&database, state, limit).await,
        Command::Show { id } => {
            let found = database
                .run(async |client| replay_jobs::find(client, id).await)
                .await
                .context("cannot read the job")?;
            return shown(&found.with_context(|| not_found(id))?);
        }
        Command::Pause { id } => (id, JobChange::Pause),
        Command::Resume { id } => (id, JobChange::Resume),
        Command::Abort { id } => (id, JobChange::Abort),
        Command::Rate { id, per_second } => (id, JobChange::Rate(per_second)),
    };
    let origin = operator();
    let result = database
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::control(transaction, id, change, &origin).await
        })
        .await
        .context("the job is not changed")?;
    match result {
        ControlResult::Changed(job) => shown(&job),
        ControlResult::Ended(job) => bail!("the job {id} has ended: it is {}", job.state),
        ControlResult::Missing => bail!(not_found(id)),
    }
}

fn not_found(id: Uuid) -> String {
    format!("there is no job {id}")
}

async fn list(
    database: &Database,
    filter: Option<JobFilter>,
    limit: u32,
) -> anyhow::Result<CommandOutput> {
    let read = async |after, rows| {
        let page =
            database.run(async |client| replay_jobs::list(client, filter, after, rows).await);
        page.await.context("cannot read the jobs")
    };
    let listed = read_pages(limit, read).await?;
    let head = [
        "ID", "KIND", "STATE", "DONE", "FAILED", "SKIPPED", "TOTAL", "CREATED", "BY",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(listed.rows.iter().map(|job| {
        vec![
            job.id.to_string(),
            job.kind.as_str().to_owned(),
            job.state.to_string(),
            job.done.to_string(),
            job.failed.to_string(),
            job.skipped.to_string(),
            format!("{}{}", job.total, more(job)),
            format!("{:.0}", job.created_at),
            printable(&job.created_by),
        ]
    }));
    let json: Vec<Value> = listed.rows.iter().map(json_of).collect();
    let mut text = Text::from(table(&rows));
    if listed.has_more {
        text.line("There are more: use --limit.");
    }
    CommandOutput::new(text, json!({ "jobs": json, "more": listed.has_more }))
}

/// What follows a total that is a lower bound.
const fn more(job: &JobRow) -> &'static str {
    if job.total_is_capped && !job.state.has_ended() {
        "+"
    } else {
        ""
    }
}

/// A job, as text and as JSON.
pub fn shown(job: &JobRow) -> anyhow::Result<CommandOutput> {
    let mut text = Text::default();
    text.line(format_args!(
        "Job {}: {}, {}.",
        job.id,
        job.kind.as_str(),
        job.state
    ));
    text.line(format_args!(
        "{} of {}{} done, {} failed, {} skipped, at most {} a second.",
        job.done,
        job.total,
        more(job),
        job.failed,
        job.skipped,
        job.rate_per_second
    ));
    for (reason, n) in job.skipped_reasons.as_object().into_iter().flatten() {
        text.line(format_args!("  skipped {n}: {reason}"));
    }
    if let Some(error) = &job.last_error {
        text.line(format_args!("{}", printable(error)));
    }
    CommandOutput::new(text, json_of(job))
}

fn json_of(job: &JobRow) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind.as_str(),
        "filter": job.filter,
        "state": job.state.as_str(),
        "ratePerSecond": job.rate_per_second,
        "total": job.total,
        "isTotalCapped": job.total_is_capped && !job.state.has_ended(),
        "done": job.done,
        "failed": job.failed,
        "skipped": job.skipped,
        "skippedReasons": job.skipped_reasons,
        "figures": job.figures,
        "createdBy": job.created_by,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "lastError": job.last_error,
    })
}
