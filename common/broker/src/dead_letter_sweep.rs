//! Removes dead letters that are old, or about users who are erased, from their queue, and counts the others.

use std::collections::{BTreeMap, HashSet};
use std::iter;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::{Channel, Connection};
use tidings_domain::notification::{Channel as NotificationChannel, MessageId, UserId};
use tokio::time::timeout;

use crate::connection::{ConnectError, connect, disconnect};
use crate::dead_letters::{BodySensitivity, DeadLetter};
use crate::declare::{DeclareError, consumer_count, message_count, queue_depth};
use crate::settings::BrokerSettings;

/// How many dead letters are judged at once, and about how many bytes they may have together.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 4 << 20;

/// Time limit for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many dead letters are returned before the queue must have them. The broker's channel process lets 32 commands
/// wait for the queue, and then collects further ones by their deliveries (`rabbit_fifo_client`: `slow`).
const RETURNED_AT_ONCE: usize = 16;

/// The time between two looks whether the queue has what was returned.
const RETURN_POLL: Duration = Duration::from_millis(5);

/// Which dead letters a sweep removes.
#[derive(Clone, Debug)]
pub struct DeadLetterAges {
    /// Those that are older than this; `None` for none.
    pub all: Option<Duration>,
    /// Those that contain a sensitive payload and are older than this.
    pub sensitive: Duration,
    /// The templates, by name and channel, whose notifications are sensitive.
    pub sensitive_templates: HashSet<(String, NotificationChannel)>,
    /// How many dead letters are read at most, the oldest first. Those that are kept are held until the end, so that they keep their
    /// order, and `tidings dlq` does not see them meanwhile.
    pub max_read: u32,
}

impl DeadLetterAges {
    /// How many dead letters retention reads at most. Reading and returning so many takes some minutes.
    pub const MAX_READ: u32 = 100_000;
}

/// The user or the notification that a dead letter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterSubject {
    /// The notification.
    pub message_id: Option<MessageId>,
    /// Its user. A message of a delivery names none.
    pub user: Option<UserId>,
}

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterSweep {
    /// The number of dead letters before the sweep.
    pub total: u32,
    /// How many of these the sweep has read, beginning with the oldest.
    pub read: u32,
    /// How many it has removed, or would have removed.
    pub removed: u32,
    /// The reasons of the others that it has read.
    pub by_reason: BTreeMap<String, u32>,
}

/// Why the dead-letter queue cannot be swept.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterSweepError {
    /// RabbitMQ cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The queue cannot be asked for its depth.
    #[error(transparent)]
    Depth(#[from] DeclareError),
    /// RabbitMQ refuses a command, or a message cannot be parsed.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// RabbitMQ does not answer.
    #[error("RabbitMQ does not answer")]
    NoAnswer,
}

/// Sweeps the dead-letter queue once, on a connection of its own, because a message that cannot be parsed ends its
/// connection. Only counts in a dry run.
///
/// Passes the dead letters that are not too old to `judge`, a batch at a time and in their order. Those for which it returns true
/// are removed, too; the others stay, and so do those for which it returns nothing.
///
/// Returns `None` if another program reads the queue, such as `tidings dlq`: neither would see all dead letters.
///
/// # Errors
///
/// Fails if RabbitMQ cannot be used. All dead letters that are not removed are then back in their queue.
pub async fn sweep_dead_letters<Judged: Future<Output = Vec<bool>>>(
    settings: &BrokerSettings,
    ages: &DeadLetterAges,
    dry_run: bool,
    judge: impl Fn(Vec<DeadLetter>) -> Judged,
) -> Result<Option<DeadLetterSweep>, DeadLetterSweepError> {
    let connection = connect(settings, "tidings: retention of dead letters").await?;
    let sweep = DeadLetterReader {
        connection: &connection,
        queue: &settings.names.dlq,
        ages,
        dry_run,
    };
    let swept = sweep.run(judge).await;
    disconnect(&connection).await;
    swept
}

struct DeadLetterReader<'a> {
    connection: &'a Connection,
    queue: &'a str,
    ages: &'a DeadLetterAges,
    dry_run: bool,
}

impl DeadLetterReader<'_> {
    async fn run<Judged: Future<Output = Vec<bool>>>(
        &self,
        judge: impl Fn(Vec<DeadLetter>) -> Judged,
    ) -> Result<Option<DeadLetterSweep>, DeadLetterSweepError> {
        let Some(total) = queue_depth(self.connection, self.queue).await? else {
            return Ok(Some(DeadLetterSweep::default()));
        };
        let mut sweep = DeadLetterSweep {
            total,
            ..DeadLetterSweep::default()
        };
        if total == 0 {
            return Ok(Some(sweep));
        }
        if consumer_count(self.connection, self.queue).await? > 0 {
            return Ok(None);
        }
        let channel = self.connection.create_channel().await?;
        let (mut batch, mut returned) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while sweep.read < total.min(self.ages.max_read)
            && let Some(letter) = self.next(&channel).await?
        {
            sweep.read += 1;
            if self.is_old(&letter) {
                sweep.removed += 1;
                returned.extend(self.remove(&channel, letter.delivery_tag).await?);
                continue;
            }
            bytes += letter.body.len();
            batch.push(letter);
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                bytes = 0;
                let batch = std::mem::take(&mut batch);
                returned.extend(self.judged(&channel, batch, &judge, &mut sweep).await?);
            }
        }
        returned.extend(self.judged(&channel, batch, &judge, &mut sweep).await?);
        // In a dry run, the two kinds are mixed. A tag is the place in the queue.
        returned.sort_unstable();
        if returned.is_empty() {
            // See `DeadLetterQueue::close`: the queue has then processed all acknowledgements.
            self.next(&channel).await?;
            self.next(&channel).await?;
        } else {
            self.give_back(&channel, &returned).await?;
        }
        channel.close(200, "done".into()).await?;
        Ok(Some(sweep))
    }

    /// Removes the dead letters of a batch that `judge` selects. Returns the tags of those that must be given back.
    async fn judged<Judged: Future<Output = Vec<bool>>>(
        &self,
        channel: &Channel,
        batch: Vec<DeadLetter>,
        judge: &impl Fn(Vec<DeadLetter>) -> Judged,
        sweep: &mut DeadLetterSweep,
    ) -> Result<Vec<u64>, DeadLetterSweepError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let held: Vec<(u64, String)> = batch
            .iter()
            .map(|letter| (letter.delivery_tag, letter.reason.clone()))
            .collect();
        let removed = judge(batch).await.into_iter().chain(iter::repeat(false));
        let mut returned = Vec::new();
        for ((tag, reason), is_removed) in held.into_iter().zip(removed) {
            if is_removed {
                sweep.removed += 1;
                returned.extend(self.remove(channel, tag).await?);
            } else {
                *sweep.by_reason.entry(reason).or_default() += 1;
                returned.push(tag);
            }
        }
        Ok(returned)
    }

    /// Removes a dead letter. In a dry run, only returns its tag: it must be given back.
    async fn remove(
        &self,
        channel: &Channel,
        tag: u64,
    ) -> Result<Option<u64>, DeadLetterSweepError> {
        if self.dry_run {
            return Ok(Some(tag));
        }
        channel.basic_ack(tag, BasicAckOptions::default()).await?;
        Ok(None)
    }

    /// Takes the first dead letter that this channel does not hold. `basic.get`, because a consumer would be sent many
    /// messages at a time, of any size.
    async fn next(&self, channel: &Channel) -> Result<Option<DeadLetter>, DeadLetterSweepError> {
        let getting = channel.basic_get(self.queue.into(), BasicGetOptions::default());
        let got = timeout(ANSWER_TIMEOUT, getting).await;
        let got = got.map_err(|_| DeadLetterSweepError::NoAnswer)??;
        Ok(got.map(|got| got.delivery.into()))
    }

    /// Returns dead letters to the head of the queue, one by one, because the close of the channel would return them in
    /// any order. Waits for each few of them: the broker's channel process keeps the order only of what the queue takes
    /// at once.
    async fn give_back(&self, channel: &Channel, held: &[u64]) -> Result<(), DeadLetterSweepError> {
        let requeue = BasicNackOptions {
            requeue: true,
            ..Default::default()
        };
        let mut expected = message_count(channel, self.queue).await?;
        for tags in held.chunks(RETURNED_AT_ONCE) {
            for tag in tags {
                channel.basic_nack(*tag, requeue).await?;
            }
            expected = expected.saturating_add(u32::try_from(tags.len()).unwrap_or(u32::MAX));
            let returning = async {
                while message_count(channel, self.queue).await? < expected {
                    tokio::time::sleep(RETURN_POLL).await;
                }
                lapin::Result::Ok(())
            };
            match timeout(ANSWER_TIMEOUT, returning).await {
                Ok(returned) => returned?,
                // Another program has taken some of them already. The close returns the others.
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn is_old(&self, letter: &DeadLetter) -> bool {
        let Some(age) = letter.dead_since().map(age) else {
            return false;
        };
        if self.ages.all.is_some_and(|limit| age >= limit) {
            return true;
        }
        // Looks at the body only if it matters.
        age >= self.ages.sensitive
            && match letter.sensitivity() {
                BodySensitivity::Plain => false,
                BodySensitivity::Sensitive => true,
                BodySensitivity::OfTemplate { name, channel } => {
                    self.ages.sensitive_templates.contains(&(name, channel))
                }
            }
    }
}

fn age(since: Timestamp) -> Duration {
    let age: SignedDuration = Timestamp::now().duration_since(since);
    age.try_into().unwrap_or_default()
}
