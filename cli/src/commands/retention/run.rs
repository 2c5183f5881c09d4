//! `tidings retention run`.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;
use tidings_broker::{BrokerSettings, DeadLetter, DeadLetterAges, DeadLetterSweep};
use tidings_db::audit::{self, Action, AuditRetention, Maintained};
use tidings_db::retention::{self, Progress, RetentionSettings, Sweep, SweepResult, Turn};
use tidings_db::{
    Database, DatabaseSettings, TransactionOptions, statistics, templates, user_deletions,
};
use tokio_util::sync::CancellationToken;

use crate::operator::operator;
use crate::output::{CommandOutput, Text, count};
use crate::{progress, settings};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only count what the command would erase and delete
    #[arg(long)]
    dry_run: bool,
}

/// Sweeps the database and the dead-letter queue once.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (database, broker, settings, audit) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        let broker = BrokerSettings::read(reader);
        let settings = RetentionSettings::read(reader);
        let audit = AuditRetention::read(reader);
        Some((database?, broker?, settings, audit))
    })?;
    let database = Database::new(&database, "tidings retention")?;
    let mut turn = if args.dry_run {
        None
    } else {
        Some(take_turn(&database).await?)
    };
    let swept = sweep(&database, settings, args.dry_run, turn.as_mut()).await;
    let result = match swept {
        Ok(result) => result,
        Err(error) => {
            if let Some(turn) = turn {
                // The lease would end by itself.
                let _ = database
                    .run(async |client| turn.give_back(client).await)
                    .await;
            }
            return Err(error);
        }
    };
    let letters = sweep_dead_letters(&database, &broker, settings, args.dry_run).await;
    if let Some(turn) = turn {
        let removed = letters.as_ref().ok().and_then(Option::as_ref);
        let removed = removed.map_or(0, |letters| letters.removed);
        database
            .run(async |client| turn.end(client, &result, removed.into(), false).await)
            .await
            .context("PostgreSQL failed")?;
    }
    let maintained = if args.dry_run {
        None
    } else {
        let stop = CancellationToken::new();
        let figures = statistics::remove_old(&database, &stop).await;
        let figures = figures.context("the notifications are swept, but not the statistics")?;
        let maintained = audit::maintain(&database, audit).await;
        let audit = maintained.context("the notifications are swept, but not the audit log")?;
        Some((audit, figures))
    };
    let letters = letters.context("the database is swept, but not the dead-letter queue")?;
    report(
        &args,
        &result,
        maintained,
        letters.as_ref(),
        &broker.names.dlq,
    )
}

/// Takes the turn, and writes an entry of the audit log before anything is deleted.
async fn take_turn(database: &Database) -> anyhow::Result<Turn> {
    let origin = operator();
    let turn = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let turn = retention::take_turn(transaction, Duration::ZERO).await?;
            if turn.is_some() {
                audit::record(transaction, &origin.entry(Action::RetentionRun)).await?;
            }
            Ok(turn)
        })
        .await
        .context("nothing was changed")?;
    let Some(turn) = turn else {
        bail!(
            "nothing was changed: a scheduler, or another `tidings retention run`, sweeps at the moment"
        );
    };
    Ok(turn)
}

async fn sweep(
    database: &Database,
    settings: RetentionSettings,
    dry_run: bool,
    turn: Option<&mut Turn>,
) -> anyhow::Result<SweepResult> {
    let figures = database
        .run(async |client| retention::figures(client).await)
        .await
        .context("nothing was changed")?;
    // The estimate of PostgreSQL is a guide to whether a bar is worth while. Time is what the sweep passes through.
    let bar = progress::bar(figures.rows);
    let span = Span::new(figures.oldest, &bar);
    let sweep = Sweep {
        database,
        settings,
        everything: true,
        dry_run,
    };
    let stop = CancellationToken::new();
    let result = sweep
        .run(turn, &stop, |progress| span.show(&bar, progress))
        .await;
    bar.finish_and_clear();
    let result = result
        .context("stopped; what was erased is erased (run the same command again to continue)")?;
    if !result.is_complete {
        bail!(
            "stopped, because another process has taken the turn; run the same command again to continue"
        );
    }
    Ok(result)
}

/// The time from the oldest notification until now, which the bar shows.
struct Span {
    oldest: Timestamp,
    length: u64,
    seconds: f64,
}

impl Span {
    fn new(oldest: Option<Timestamp>, bar: &ProgressBar) -> Self {
        let now = Timestamp::now();
        let oldest = oldest.unwrap_or(now);
        Self {
            oldest,
            length: bar.length().unwrap_or(0),
            seconds: now.duration_since(oldest).as_secs_f64().max(1.0),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a progress bar is not exact"
    )]
    fn show(&self, bar: &ProgressBar, progress: Progress) {
        if let Some(time) = progress.accepted_at {
            let passed = time.duration_since(self.oldest).as_secs_f64() / self.seconds;
            bar.set_position((passed.clamp(0.0, 1.0) * self.length as f64) as u64);
        }
    }
}

/// Returns `None` if another program reads the queue.
async fn sweep_dead_letters(
    database: &Database,
    broker: &BrokerSettings,
    settings: RetentionSettings,
    dry_run: bool,
) -> anyhow::Result<Option<DeadLetterSweep>> {
    let templates = database.run(async |client| templates::list_sensitive(client).await);
    let ages = DeadLetterAges {
        all: settings.dead_letters,
        sensitive: settings.sensitive,
        sensitive_templates: templates.await?,
        max_read: DeadLetterAges::MAX_READ,
    };
    let refused = Cell::new(None);
    let refusal = &refused;
    let are_erased = |letters: Vec<DeadLetter>| async move {
        let letters: Vec<_> = letters
            .iter()
            .map(DeadLetter::subject)
            .map(|letter| (letter.message_id, letter.user))
            .collect();
        let erased = database
            .run(async |client| user_deletions::are_erased(client, &letters).await)
            .await;
        erased.unwrap_or_else(|error| {
            refusal.set(Some(error));
            Vec::new()
        })
    };
    let swept = tidings_broker::sweep_dead_letters(broker, &ages, dry_run, are_erased).await?;
    match refused.take() {
        Some(error) => Err(error.into()),
        None => Ok(swept),
    }
}

fn report(
    args: &Args,
    result: &SweepResult,
    maintained: Option<(Maintained, u64)>,
    letters: Option<&DeadLetterSweep>,
    queue: &str,
) -> anyhow::Result<CommandOutput> {
    let json = json!({
        "dryRun": args.dry_run,
        "payloads": result.payloads,
        "sensitivePayloads": result.sensitive_payloads,
        "rows": result.rows_deleted,
        "cancellations": result.cancellations,
        "digests": result.digests,
        "sessions": result.sessions,
        "contactCodes": result.contact_codes,
        "passwordResets": result.password_resets,
        "invites": result.invites,
        "dashboardSessions": result.dashboard_sessions,
        "dashboardLinks": result.dashboard_links,
        "auditLog": maintained.map(|(audit, _)| json!({
            "partitionsDropped": audit.partitions_dropped,
            "ipsErased": audit.ips_erased,
        })),
        "statistics": maintained.map(|(_, figures)| figures),
        "deadLetters": letters.map(|letters| json!({
            "total": letters.total,
            "read": letters.read,
            "removed": letters.removed,
            "left": letters.by_reason,
        })),
    });
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let (erased, deleted) = if args.dry_run {
        ("Would erase", "Would delete")
    } else {
        ("Erased", "Deleted")
    };
    let mut text = Text::default();
    text.line(format_args!(
        "{erased} {}, and {} of sensitive notifications.",
        count(number(result.payloads), "payload"),
        count(number(result.sensitive_payloads), "payload")
    ));
    text.line(format_args!(
        "{deleted} {} with their delivery attempts, {} and {}.",
        count(number(result.rows_deleted), "notification"),
        count(number(result.cancellations), "cancellation"),
        count(number(result.digests), "digest")
    ));
    text.line(format_args!(
        "{deleted} {}, {}, {} and {}.",
        count(number(result.sessions), "session"),
        count(number(result.contact_codes), "contact code"),
        count(number(result.password_resets), "password reset"),
        count(number(result.invites), "invitation")
    ));
    text.line(format_args!(
        "{deleted} {} and {} of the dashboard.",
        count(number(result.dashboard_sessions), "session"),
        count(number(result.dashboard_links), "link")
    ));
    if let Some((audit, figures)) = maintained {
        text.line(format_args!(
            "Deleted {} of the audit log, and erased {} in it.",
            count(number(audit.partitions_dropped), "month"),
            count(number(audit.ips_erased), "IP address")
        ));
        text.line(format_args!(
            "Deleted {} of the statistics.",
            count(number(figures), "figure")
        ));
    }
    match letters {
        Some(letters) => {
            let removed = usize::try_from(letters.removed).unwrap_or(usize::MAX);
            let (removed, total) = (count(removed, "dead letter"), letters.total);
            text.line(format_args!("{deleted} {removed} of {total} in {queue}."));
            if letters.read < letters.total {
                text.line(format_args!(
                    "Only the first {} were read: run the command again.",
                    letters.read
                ));
            }
        }
        None => text.line(format_args!(
            "{queue} was not read, because another program reads it at the moment: run the command again."
        )),
    }
    Ok(CommandOutput::new(text, json)?.success_if(letters.is_some()))
}
