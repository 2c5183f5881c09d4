use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tidings_broker::BrokerSettings;
use tidings_broker::{DeadLetter, Publisher, Router};
use tidings_db::{Database, DatabaseSettings, DbError, TransactionOptions, notifications};
use tidings_domain::notification::{MessageId, Status};
use tokio_util::sync::CancellationToken;

use super::letters::{Letters, with_letters};
use super::selection::Selection;
use super::tally::Tally;
use super::verdict::{self, Hindrance, Readable, Verdict};
use crate::output::{Report, count};
use crate::settings;

/// How many letters are replayed at a time: one transaction, then so many publishes in flight.
const BATCH: usize = 100;

/// How long the broker may take to let us publish.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What `replay` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Send letters too whose body cannot be read; they come back unless a newer worker reads them
    #[arg(long)]
    force: bool,
}

/// Replays the selected letters.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let (broker, database) = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        let database = DatabaseSettings::read(reader);
        Some((broker?, database?))
    })?;
    let database = Database::new(&database, "tidings dlq replay")?;
    database.ping().await.context("nothing was replayed")?;
    let mut tally = Tally::default();
    let stop = CancellationToken::new();
    let publisher = if args.dry_run {
        None
    } else {
        Some(publisher(&broker, stop.clone()).await?)
    };
    let replay = Replay {
        database,
        router: Router::new(&broker),
        publisher,
        force: args.force,
    };
    let replayed = with_letters(&broker, async |letters| {
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(letter) = letters.next(&args.selection.filter).await?
            {
                batch.push(letter);
            }
            if batch.is_empty() {
                return Ok(letters.waiting);
            }
            replay.batch(letters, batch, &mut tally).await?;
        }
    })
    .await;
    stop.cancel();
    let waiting = replayed.with_context(|| {
        format!(
            "stopped after {}, the others are still in the queue (run the same command again)",
            count(tally.replayed, "replayed dead letter")
        )
    })?;
    let missed = tally.selected() == 0 && args.selection.names_letters();
    let report = tally.report(args.dry_run, waiting, &broker.names.dlq)?;
    Ok(if missed {
        report.fine_if(false)
    } else {
        report
    })
}

/// A publisher that has reached the broker.
async fn publisher(
    settings: &BrokerSettings,
    stop: CancellationToken,
) -> anyhow::Result<Publisher> {
    let (publisher, _) = Publisher::start(settings.clone(), "tidings: replay", |_| {}, stop);
    tokio::time::timeout(CONNECT_TIMEOUT, publisher.until_connected())
        .await
        .with_context(|| {
            format!(
                "nothing was replayed: RabbitMQ could not be reached or took no publishes within \
                 {} s; `tidings doctor` says more",
                CONNECT_TIMEOUT.as_secs()
            )
        })?;
    Ok(publisher)
}

struct Replay {
    database: Database,
    router: Router,
    /// `None` for a dry run.
    publisher: Option<Publisher>,
    force: bool,
}

impl Replay {
    /// Replays some letters in the order that loses nothing (DESIGN: Replay): the rows committed,
    /// the messages confirmed, the letters removed.
    async fn batch(
        &self,
        letters: &Letters,
        batch: Vec<DeadLetter>,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let readable: Vec<Result<Readable, Hindrance>> =
            batch.iter().map(|l| self.read(l)).collect();
        let ids: Vec<MessageId> = readable
            .iter()
            .flatten()
            .filter_map(|letter| letter.id)
            .collect();
        let revived = self.revive(&ids).await;
        let statuses = revived.context("PostgreSQL failed")?;
        let verdicts = readable.into_iter().map(|letter| match letter {
            Ok(letter) => {
                let status = letter.id.and_then(|id| statuses.get(&id).copied());
                verdict::decide(letter, status)
            }
            Err(hindrance) => Verdict::Left(hindrance),
        });
        let judged: Vec<(DeadLetter, Verdict)> = batch.into_iter().zip(verdicts).collect();
        let published = join_all(
            judged
                .iter()
                .map(|(letter, verdict)| self.publish(letter, *verdict)),
        );
        let mut failure = None;
        for (published, (letter, verdict)) in published.await.into_iter().zip(judged) {
            // The others of the batch are settled first: what was published must not stay.
            match published {
                Ok(()) => self.settle(letters, &letter, verdict, tally).await?,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn read(&self, letter: &DeadLetter) -> Result<Readable, Hindrance> {
        let property = letter.message_id.as_deref();
        verdict::read(letter.destination, &letter.body, property, self.force)
    }

    /// Brings the failed rows among `ids` back to `pending`, all or none, unless this is a dry run.
    /// Returns the statuses before.
    async fn revive(&self, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Status>, DbError> {
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                let standings = notifications::recorded_states(transaction, ids).await?;
                let statuses: BTreeMap<_, _> = standings
                    .into_iter()
                    .map(|(id, standing)| (id, standing.status))
                    .collect();
                if self.publisher.is_some() {
                    // In the order of the ids, so that two replays at once cannot deadlock.
                    for (id, _) in statuses
                        .iter()
                        .filter(|(_, status)| **status == Status::Failed)
                    {
                        notifications::reset_for_replay(transaction, *id).await?;
                    }
                }
                Ok(statuses)
            })
            .await
    }

    async fn publish(&self, letter: &DeadLetter, verdict: Verdict) -> anyhow::Result<()> {
        if let (Some(publisher), Verdict::Replay { .. }) = (&self.publisher, verdict) {
            let out = self.router.replay(&letter.properties, letter.body.clone());
            publisher.publish(out).await.context("publishing failed")?;
        }
        Ok(())
    }

    /// Removes the letter, its message being safe elsewhere or at its end, and notes it.
    async fn settle(
        &self,
        letters: &Letters,
        letter: &DeadLetter,
        verdict: Verdict,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let stays = matches!(verdict, Verdict::Left(_));
        if self.publisher.is_some() && !stays {
            letters.remove(letter).await?;
        }
        tally.note(letter, verdict);
        Ok(())
    }
}
