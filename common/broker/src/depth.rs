mod last_counts;
mod measured_queue;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::{Channel, Connection};
use tidings_runtime::statistics::events;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::declare::{NOT_FOUND, QueueCounts, queue_counts, reply_code};
use super::publisher::Publisher;
use super::stage::Stage;
use super::wait_time::WaitTime;
use crate::settings::{BrokerSettings, MaxRetries};
use last_counts::LastCounts;
use measured_queue::MeasuredQueue;
pub use measured_queue::{QueueKind, QueueStatus};

/// Time limit for an answer. A broker that is stopped or blocked may not answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last known counts of a queue are used if the broker no longer answers for that queue. Afterwards the depth
/// is forgotten. Otherwise a large depth that is never updated would make the API refuse every notification.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// The depth and the number of consumers of each work queue, wait queue, delay queue of the ladder and of the dead-letter
/// queue, asked for once a second.
#[derive(Clone)]
pub struct Depths {
    /// The queues that are not rungs.
    queues: Arc<HashMap<MeasuredQueue, LastCounts>>,
    /// The delay queues of the ladder, from the first rung on.
    rungs: Arc<[LastCounts]>,
    settings: Arc<BrokerSettings>,
    max_retries: MaxRetries,
}

impl Depths {
    /// Starts to ask on the publisher's connection. The task ends when `stop` is cancelled.
    #[must_use]
    pub fn start(
        publisher: Publisher,
        settings: BrokerSettings,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let queues = MeasuredQueue::all(&settings);
        let others = queues.filter(|queue| !matches!(queue, MeasuredQueue::Rung(_)));
        let depths = others.map(|queue| (queue, LastCounts::new()));
        let this = Self {
            queues: Arc::new(depths.collect()),
            rungs: settings.ladder.rungs().map(|_| LastCounts::new()).collect(),
            settings: Arc::new(settings.clone()),
            max_retries: settings.max_retries,
        };
        let depths = this.clone();
        let task = tokio::spawn(async move {
            let queues = MeasuredQueue::all(&settings);
            let queues = queues.map(|queue| QueueState::new(queue, queue.name(&settings)));
            let asking = join_all(queues.map(|queue| depths.ask(&publisher, queue)));
            stop.run_until_cancelled(asking).await;
        });
        (this, task)
    }

    /// Returns the depth (ready messages) of a stage's queue. The value is about a second old. 0 if the depth is not
    /// known.
    #[must_use]
    pub fn of(&self, stage: Stage) -> u32 {
        self.depth(MeasuredQueue::Work(stage))
    }

    /// Returns the number of messages in the wait queues, which all stages share. The value is about a second old.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        let depths = WaitTime::ALL.map(|time| self.depth(MeasuredQueue::Wait(time)));
        depths.into_iter().fold(0, u32::saturating_add)
    }

    /// Returns the number of messages in the delay queues that messages of this stage pass through. All stages share the
    /// queues, so messages of others are among them. The value is about a second old.
    #[must_use]
    pub fn retrying(&self, stage: Stage) -> u32 {
        let count = usize::try_from(self.max_retries.of(stage)).unwrap_or(usize::MAX);
        let rungs = self.rungs.iter().take(count);
        rungs.map(LastCounts::depth).fold(0, u32::saturating_add)
    }

    fn depth(&self, queue: MeasuredQueue) -> u32 {
        self.get(queue).map_or(0, LastCounts::depth)
    }

    /// Returns what is known about every queue.
    #[must_use]
    pub fn all(&self) -> Vec<QueueStatus> {
        let queues = MeasuredQueue::all(&self.settings);
        let status = |queue: MeasuredQueue| QueueStatus {
            name: queue.name(&self.settings),
            label: queue.label(),
            kind: queue.kind(&self.settings),
            counts: self.get(queue).and_then(LastCounts::get),
        };
        queues.map(status).collect()
    }

    /// The rungs are in a slice, because every post adds up several of them.
    fn get(&self, queue: MeasuredQueue) -> Option<&LastCounts> {
        match queue {
            MeasuredQueue::Rung(n) => self.rungs.get(usize::try_from(n).ok()?.checked_sub(1)?),
            _ => self.queues.get(&queue),
        }
    }

    /// Asks for the depth of one queue once a second, without end. Each queue has an AMQP channel of its own, because an
    /// answer that fails or does not arrive must not delay those for other queues.
    async fn ask(&self, publisher: &Publisher, mut queue: QueueState) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if timeout(queue.validity(), publisher.until_connected())
                .await
                .is_err()
            {
                // Otherwise a large depth would make the API refuse notifications as long as the broker is away.
                self.store(queue.queue, None);
                publisher.until_connected().await;
            }
            tick.tick().await;
            let answer = queue.ask(publisher).await;
            match queue.evaluate(answer) {
                Evaluation::Known(counts) => self.store(queue.queue, Some(counts)),
                Evaluation::Unknown => self.store(queue.queue, None),
                Evaluation::Unchanged => {}
            }
        }
    }

    fn store(&self, queue: MeasuredQueue, counts: Option<QueueCounts>) {
        if let Some(last) = self.get(queue) {
            last.set(counts);
        }
        match counts {
            Some(counts) => events::queue(queue.label(), counts.messages, counts.consumers),
            None => events::queue_unknown(queue.label()),
        }
    }
}

/// Asks once for the counts of every queue. Counts that the broker does not tell within 5 s are not known.
pub async fn queue_statuses(
    connection: &Connection,
    settings: &BrokerSettings,
) -> Vec<QueueStatus> {
    let statuses = MeasuredQueue::all(settings).map(async |queue| {
        let name = queue.name(settings);
        let asking = async {
            let channel = connection.create_channel().await?;
            queue_counts(&channel, &name).await
        };
        let counts = timeout(ANSWER_TIMEOUT, asking).await;
        QueueStatus {
            counts: counts.ok().and_then(Result::ok),
            label: queue.label(),
            kind: queue.kind(settings),
            name,
        }
    });
    join_all(statuses).await
}

/// Why the depth of a queue is not known.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the broker does not answer")]
    NoAnswer,
    #[error(transparent)]
    Broker(#[from] lapin::Error),
}

/// What an answer says about a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evaluation {
    Known(QueueCounts),
    /// The last known counts are still used.
    Unchanged,
    Unknown,
}

/// What is known of one queue.
struct QueueState {
    queue: MeasuredQueue,
    name: String,
    channel: Option<Channel>,
    answered: Instant,
    /// Whether the log says already that the queue's depth is not known.
    reported: bool,
}

impl QueueState {
    fn new(queue: MeasuredQueue, name: String) -> Self {
        Self {
            queue,
            name,
            channel: None,
            answered: Instant::now(),
            reported: false,
        }
    }

    /// Asks for the counts. An error closes the channel, and the next call opens another.
    async fn ask(&mut self, publisher: &Publisher) -> Result<QueueCounts, AskError> {
        let channel = self.channel.take();
        let asking = async {
            let open = channel.filter(|channel| channel.status().connected());
            let channel = if let Some(channel) = open {
                channel
            } else {
                let connection = publisher.connected().ok_or(AskError::NoAnswer)?;
                connection.create_channel().await?
            };
            let counts = queue_counts(&channel, &self.name).await?;
            Ok((channel, counts))
        };
        let answer = timeout(ANSWER_TIMEOUT, asking).await;
        let (channel, counts) = answer.unwrap_or(Err(AskError::NoAnswer))?;
        self.channel = Some(channel);
        Ok(counts)
    }

    /// Returns what is known now. Logs the first of several errors.
    fn evaluate(&mut self, answer: Result<QueueCounts, AskError>) -> Evaluation {
        let error = match answer {
            Ok(counts) => {
                self.answered = Instant::now();
                self.reported = false;
                return Evaluation::Known(counts);
            }
            Err(error) => error,
        };
        let is_missing =
            matches!(&error, AskError::Broker(error) if reply_code(error) == Some(NOT_FOUND));
        if !self.reported {
            self.reported = true;
            tracing::warn!(queue = self.name, %error, "the depth of a queue is not known");
        }
        if is_missing || self.is_stale() {
            Evaluation::Unknown
        } else {
            Evaluation::Unchanged
        }
    }

    fn is_stale(&self) -> bool {
        self.validity().is_zero()
    }

    /// How long the last known depth still counts.
    fn validity(&self) -> Duration {
        STALE_AFTER.saturating_sub(self.answered.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use tidings_settings::Reader;
    use tokio::time::advance;

    use super::*;

    const fn counts(messages: u32) -> QueueCounts {
        QueueCounts {
            messages,
            consumers: 2,
        }
    }

    fn state() -> QueueState {
        QueueState::new(
            MeasuredQueue::Work(Stage::Intake),
            "notifications_queue".to_owned(),
        )
    }

    #[tokio::test]
    async fn a_delay_queue_counts_for_the_stages_that_pass_through_it() {
        let vars = [
            ("RABBITMQ_URL", "amqp://127.0.0.1"),
            ("MAX_RETRIES", "2"),
            ("WEBHOOK_MAX_RETRIES", "4"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = BrokerSettings::read(&mut Reader::from_vars(vars)).expect("settings");
        let stop = CancellationToken::new();
        let (depths, _task) = Depths::start(Publisher::immediate(), settings, stop);
        for (rung, count) in [(1, 1), (2, 10), (3, 100), (4, 1000)] {
            depths.store(MeasuredQueue::Rung(rung), Some(counts(count)));
        }
        let webhook = Stage::Delivery(tidings_domain::notification::DeliveredChannel::Webhook);
        assert_eq!(depths.retrying(Stage::Intake), 11);
        assert_eq!(depths.retrying(webhook), 1111);
    }

    #[tokio::test(start_paused = true)]
    async fn a_depth_counts_for_a_while_without_answers_and_is_then_forgotten() {
        let mut queue = state();
        assert_eq!(queue.evaluate(Ok(counts(7))), Evaluation::Known(counts(7)));
        assert_eq!(
            queue.evaluate(Err(AskError::NoAnswer)),
            Evaluation::Unchanged
        );
        advance(STALE_AFTER).await;
        assert_eq!(queue.evaluate(Err(AskError::NoAnswer)), Evaluation::Unknown);
        assert_eq!(queue.evaluate(Ok(counts(8))), Evaluation::Known(counts(8)));
        assert_eq!(
            queue.evaluate(Err(AskError::NoAnswer)),
            Evaluation::Unchanged
        );
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_of_several_errors_is_reported() {
        let mut queue = state();
        for reported in [true, true] {
            queue.evaluate(Err(AskError::NoAnswer));
            assert_eq!(queue.reported, reported);
        }
        queue.evaluate(Ok(counts(0)));
        assert!(!queue.reported);
    }
}
