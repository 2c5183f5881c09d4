//! `tidings dlq replay`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tidings_broker::BrokerSettings;
use tidings_broker::{DeadLetter, MessageFactory, Publisher};
use tidings_db::audit::{self, Action, AuditOrigin};
use tidings_db::notifications::{FailedFilter, RecordedState};
use tidings_db::replay_jobs::{DEFAULT_RATE, JobKind, MAX_RATE};
use tidings_db::{
    Database, DatabaseSettings, DbError, TransactionOptions, dead_letters, delivery_attempts,
    notifications,
};
use tidings_domain::notification::{MessageId, Status};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::audit::entry;
use super::queue::{OpenQueue, with_queue};
use super::replay_action::{self, DecodedDeadLetter, ReplayAction, SkipReason};
use super::replay_job::{self, JobOptions};
use super::replay_report::ReplayReport;
use super::replay_rows::replay_rows;
use super::selection::Selection;
use super::summary::{self, letter_id};
use crate::operator::operator;
use crate::output::{CommandOutput, count};
use crate::settings;

/// Dead letters per batch: one transaction, and the number of publishes in flight.
const BATCH: usize = 100;

/// How long to wait for a connection that can publish.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only print what the command would do
    #[arg(long)]
    dry_run: bool,
    /// Replay what is in the dead-letter queue, without a job: also what is not recorded yet, and without a worker
    #[arg(long)]
    from_queue: bool,
    /// Print the job, and do not wait for its end
    #[arg(long, conflicts_with_all = ["from_queue", "dry_run"])]
    detach: bool,
    /// How many dead letters the job takes in a second
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RATE, conflicts_with = "from_queue",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_RATE)))]
    rate: u32,
    /// Also publish dead letters whose body cannot be decoded; the stage rejects them again, unless the worker
    /// is newer
    #[arg(long, requires = "from_queue")]
    force: bool,
    /// Then also replay failed notifications of delivered channels that have no dead letter, from their rows
    #[arg(long, requires = "from_queue", conflicts_with_all = ["reason", "from", "to"])]
    rows: bool,
}

/// Replays the selected dead letters.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    if args.from_queue {
        return run_from_queue(args).await;
    }
    let options = JobOptions {
        kind: JobKind::Replay,
        dry_run: args.dry_run,
        detach: args.detach,
        rate: args.rate,
    };
    replay_job::run(&args.selection, options, async |_| Ok(true)).await
}

/// Replays what is in the queue.
async fn run_from_queue(args: Args) -> anyhow::Result<CommandOutput> {
    args.selection.filter.of_queue()?;
    let (broker, database) = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        let database = DatabaseSettings::read(reader);
        Some((broker?, database?))
    })?;
    let database = Database::new(&database, "tidings dlq replay")?;
    database.ping().await.context("nothing was replayed")?;
    let mut report = ReplayReport::default();
    let stop = CancellationToken::new();
    let publisher = if args.dry_run {
        None
    } else {
        Some(publisher(&broker, stop.clone()).await?)
    };
    let replay = Replay {
        database,
        message_factory: MessageFactory::new(&broker),
        publisher,
        force: args.force,
        queue: broker.names.dlq.clone(),
        origin: operator(),
    };
    let replayed = with_queue(&broker, async |queue| {
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(dead_letter) = queue.next(&args.selection.filter).await?
            {
                batch.push(dead_letter);
            }
            if batch.is_empty() {
                return Ok(queue.waiting);
            }
            replay.batch(queue, batch, &mut report).await?;
        }
    })
    .await;
    let replayed = match (replayed, args.selection.rows().filter(|_| args.rows)) {
        (Ok(waiting), Some(filter)) => replay
            .rows(&filter)
            .await
            .map(|ids| report.record_rows(&ids))
            .map(|()| waiting),
        (replayed, _) => replayed,
    };
    stop.cancel();
    let waiting = replayed.with_context(|| {
        format!(
            "stopped after {}; the others are still in the queue (run the same command again)",
            count(report.replayed, "replayed dead letter")
        )
    })?;
    let missed = report.selected() == 0 && args.selection.has_ids();
    let output = report.report(args.dry_run, waiting, &broker.names.dlq)?;
    Ok(if missed {
        output.success_if(false)
    } else {
        output
    })
}

/// A connected publisher.
async fn publisher(
    settings: &BrokerSettings,
    stop: CancellationToken,
) -> anyhow::Result<Publisher> {
    let (publisher, _) = Publisher::start(settings.clone(), "tidings: replay", |_| {}, stop);
    tokio::time::timeout(CONNECT_TIMEOUT, publisher.until_connected())
        .await
        .with_context(|| {
            format!(
                "nothing was replayed: no connection to RabbitMQ could publish within {} s; run `tidings doctor`",
                CONNECT_TIMEOUT.as_secs()
            )
        })?;
    Ok(publisher)
}

/// The rows before a replay.
struct RowsBefore {
    /// `None` stands for a status of a newer version.
    states: HashMap<MessageId, Option<RecordedState>>,
    /// The notifications that may have arrived.
    unknown: HashSet<MessageId>,
}

struct Replay {
    database: Database,
    message_factory: MessageFactory,
    /// `None` in a dry run.
    publisher: Option<Publisher>,
    force: bool,
    /// The name of the dead-letter queue.
    queue: String,
    /// Who replays.
    origin: AuditOrigin,
}

impl Replay {
    /// Replays failed notifications from their rows.
    async fn rows(&self, filter: &FailedFilter) -> anyhow::Result<Vec<MessageId>> {
        replay_rows(
            &self.database,
            &self.message_factory,
            self.publisher.as_ref(),
            filter,
            |ids| {
                let ids = ids.iter().map(|id| Some(id.to_string()));
                entry(&self.origin, Action::DeadLetterReplay, &self.queue, ids).with("rows", true)
            },
        )
        .await
    }

    /// Replays a batch in the order that loses nothing: commits the rows, waits for the confirms of the
    /// messages, removes the dead letters.
    async fn batch(
        &self,
        queue: &OpenQueue,
        batch: Vec<DeadLetter>,
        report: &mut ReplayReport,
    ) -> anyhow::Result<()> {
        let decoded: Vec<Result<DecodedDeadLetter, SkipReason>> =
            batch.iter().map(|one| self.decode(one)).collect();
        let before = self.reset_rows(&batch, &decoded).await;
        let RowsBefore { states, unknown } = before.context("PostgreSQL failed")?;
        let actions = decoded.into_iter().map(|one| action(one, &states));
        let replays: Vec<(DeadLetter, ReplayAction)> = batch.into_iter().zip(actions).collect();
        let published = join_all(
            replays
                .iter()
                .map(|(dead_letter, action)| self.publish(dead_letter, *action)),
        );
        let published = published.await;
        self.close_letters(&published, &replays).await?;
        let mut failure = None;
        for (published, (dead_letter, action)) in published.into_iter().zip(replays) {
            // After a failure, the dead letters that were published must still be removed.
            match published {
                Ok(()) => {
                    let id = summary::message_id(&dead_letter);
                    let may_have_arrived = summary::may_have_arrived(&dead_letter)
                        || id.is_some_and(|id| unknown.contains(&id));
                    if may_have_arrived {
                        report.record_may_have_arrived(&dead_letter, action);
                    }
                    self.finish(queue, &dead_letter, action, report).await?;
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn decode(&self, dead_letter: &DeadLetter) -> Result<DecodedDeadLetter, SkipReason> {
        replay_action::decode(dead_letter, self.force)
    }

    /// Changes the failed rows of dead letters to `pending` in one transaction, unless this is a dry run. Writes one entry of
    /// the audit log about all dead letters that will be replayed.
    async fn reset_rows(
        &self,
        batch: &[DeadLetter],
        decoded: &[Result<DecodedDeadLetter, SkipReason>],
    ) -> Result<RowsBefore, DbError> {
        let letters: Vec<DecodedDeadLetter> = decoded.iter().flatten().copied().collect();
        let ids: Vec<MessageId> = letters.iter().filter_map(|one| one.id).collect();
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                let mut states = notifications::recorded_states(transaction, &ids).await?;
                if self.publisher.is_some() {
                    let mut not_reset = Vec::new();
                    for id in failed_rows(&letters, &states) {
                        if !notifications::reset_for_replay(transaction, id).await? {
                            not_reset.push(id);
                        }
                    }
                    // Another program has changed these rows since: retention, or another replay.
                    states.extend(notifications::recorded_states(transaction, &not_reset).await?);
                    let replayed = replayed_ids(batch, decoded, &states);
                    if !replayed.is_empty() {
                        let (action, ids) = (Action::DeadLetterReplay, replayed.into_iter());
                        let entry = entry(&self.origin, action, &self.queue, ids);
                        audit::record(transaction, &entry).await?;
                    }
                }
                let unknown =
                    delivery_attempts::list_undelivered_unknown(transaction, &ids).await?;
                Ok(RowsBefore { states, unknown })
            })
            .await
    }

    async fn publish(&self, dead_letter: &DeadLetter, action: ReplayAction) -> anyhow::Result<()> {
        if let (Some(publisher), ReplayAction::Replay { .. }) = (&self.publisher, action) {
            let out = self.message_factory.replay(dead_letter);
            publisher.publish(out).await.context("publishing failed")?;
        }
        Ok(())
    }

    /// Closes those that PostgreSQL lists as letters without a row. Their messages are confirmed, and their copies are still in the
    /// queue.
    async fn close_letters(
        &self,
        published: &[anyhow::Result<()>],
        replays: &[(DeadLetter, ReplayAction)],
    ) -> anyhow::Result<()> {
        if self.publisher.is_none() {
            return Ok(());
        }
        let both = published.iter().zip(replays);
        let done = both.filter(|(published, (_, action))| {
            published.is_ok() && !matches!(action, ReplayAction::Keep(_))
        });
        let ids: Vec<Uuid> = done.map(|(_, (letter, _))| letter_id(letter)).collect();
        let closing = self
            .database
            .run(async |client| dead_letters::close_letters(client, &ids, false).await);
        closing.await.map(drop).context("PostgreSQL failed")
    }

    /// Removes the dead letter unless it must stay, and records the result.
    async fn finish(
        &self,
        queue: &OpenQueue,
        dead_letter: &DeadLetter,
        action: ReplayAction,
        report: &mut ReplayReport,
    ) -> anyhow::Result<()> {
        let stays = matches!(action, ReplayAction::Keep(_));
        if self.publisher.is_some() && !stays {
            queue.remove(dead_letter).await?;
        }
        report.record(dead_letter, action);
        Ok(())
    }
}

/// What to do with a dead letter whose row may be among `states`.
fn action(
    decoded: Result<DecodedDeadLetter, SkipReason>,
    states: &HashMap<MessageId, Option<RecordedState>>,
) -> ReplayAction {
    match decoded {
        Ok(decoded) => match decoded.id.and_then(|id| states.get(&id)) {
            Some(None) => ReplayAction::Keep(SkipReason::NewerVersion),
            state => replay_action::decide(decoded, state.and_then(Option::as_ref)),
        },
        Err(reason) => ReplayAction::Keep(reason),
    }
}

/// The ids of the dead letters that will be published again.
fn replayed_ids(
    batch: &[DeadLetter],
    decoded: &[Result<DecodedDeadLetter, SkipReason>],
    states: &HashMap<MessageId, Option<RecordedState>>,
) -> Vec<Option<String>> {
    let both = batch.iter().zip(decoded);
    let replayed =
        both.filter(|(_, one)| matches!(action(**one, states), ReplayAction::Replay { .. }));
    replayed
        .map(|(dead_letter, _)| summary::shown_id(dead_letter))
        .collect()
}

/// The failed rows that belong to these dead letters, in the order of the ids, so that two concurrent replays cannot
/// deadlock.
fn failed_rows(
    letters: &[DecodedDeadLetter],
    states: &HashMap<MessageId, Option<RecordedState>>,
) -> BTreeSet<MessageId> {
    let failed = letters.iter().filter_map(|letter| {
        let id = letter.id?;
        let row = states.get(&id)?.as_ref()?;
        let is_its_own = row.status == Status::Failed && !letter.is_of_another_request(row);
        is_its_own.then_some(id)
    });
    failed.collect()
}
