use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::declare::{NOT_FOUND, message_count, reply_code};
use super::publisher::Publisher;
use super::stage::Stage;
use super::wait_time::WaitTime;
use crate::settings::{BrokerSettings, MaxRetries};

/// Time limit for an answer. A broker that is stopped or blocked may not answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last known depth of a queue counts if the broker no longer answers for that queue. Afterwards the depth
/// is forgotten. Otherwise a large depth that is never updated would make the API refuse every notification.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// The depth of each work queue, wait queue and delay queue of the ladder, asked for once a second.
#[derive(Clone)]
pub struct Depths {
    /// The work queues and the wait queues.
    queues: Arc<HashMap<MeasuredQueue, AtomicU32>>,
    /// The delay queues of the ladder, from the first rung on.
    rungs: Arc<[AtomicU32]>,
    max_retries: MaxRetries,
}

/// A queue whose depth is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum MeasuredQueue {
    Work(Stage),
    Wait(WaitTime),
    /// The delay queue of a rung, counted from 1.
    Rung(u32),
}

impl MeasuredQueue {
    fn all(settings: &BrokerSettings) -> impl Iterator<Item = Self> + use<> {
        let work = Stage::ALL.into_iter().map(Self::Work);
        let wait = WaitTime::ALL.into_iter().map(Self::Wait);
        work.chain(wait)
            .chain(settings.ladder.rungs().map(Self::Rung))
    }

    fn name(self, settings: &BrokerSettings) -> String {
        let names = &settings.names;
        match self {
            Self::Work(stage) => stage.queue(names),
            Self::Wait(time) => names.wait(time.label()),
            Self::Rung(n) => names.retry_queue(&settings.ladder, n),
        }
    }

    /// The label of the metric.
    fn label(self) -> Cow<'static, str> {
        match self {
            Self::Work(stage) => stage.as_str().into(),
            Self::Wait(WaitTime::Second) => "wait.1s".into(),
            Self::Wait(WaitTime::HalfMinute) => "wait.30s".into(),
            Self::Wait(WaitTime::FiveMinutes) => "wait.5m".into(),
            Self::Rung(n) => format!("retry.{n}").into(),
        }
    }
}

impl Depths {
    /// Starts to ask for the depths on the publisher's connection. The task ends when `stop` is cancelled.
    #[must_use]
    pub fn start(
        publisher: Publisher,
        settings: BrokerSettings,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let queues = MeasuredQueue::all(&settings);
        let others = queues.filter(|queue| !matches!(queue, MeasuredQueue::Rung(_)));
        let depths = others.map(|queue| (queue, AtomicU32::new(0)));
        let this = Self {
            queues: Arc::new(depths.collect()),
            rungs: settings.ladder.rungs().map(|_| AtomicU32::new(0)).collect(),
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
        let depths = rungs.map(|depth| depth.load(Ordering::Relaxed));
        depths.fold(0, u32::saturating_add)
    }

    fn depth(&self, queue: MeasuredQueue) -> u32 {
        self.get(queue)
            .map_or(0, |depth| depth.load(Ordering::Relaxed))
    }

    /// The rungs are in a slice, because every post adds up several of them.
    fn get(&self, queue: MeasuredQueue) -> Option<&AtomicU32> {
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
                self.store(queue.queue, 0);
                publisher.until_connected().await;
            }
            tick.tick().await;
            let answer = queue.ask(publisher).await;
            if let Some(depth) = queue.evaluate(answer) {
                self.store(queue.queue, depth);
            }
        }
    }

    fn store(&self, queue: MeasuredQueue, count: u32) {
        if let Some(depth) = self.get(queue) {
            depth.store(count, Ordering::Relaxed);
        }
        metrics::gauge!("tidings_queue_depth", "queue" => queue.label()).set(count);
    }
}

/// Why the depth of a queue is not known.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the broker does not answer")]
    NoAnswer,
    #[error(transparent)]
    Broker(#[from] lapin::Error),
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

    /// Asks for the depth. An error closes the channel, and the next call opens another.
    async fn ask(&mut self, publisher: &Publisher) -> Result<u32, AskError> {
        let channel = self.channel.take();
        let asking = async {
            let open = channel.filter(|channel| channel.status().connected());
            let channel = if let Some(channel) = open {
                channel
            } else {
                let connection = publisher.connected().ok_or(AskError::NoAnswer)?;
                connection.create_channel().await?
            };
            let count = message_count(&channel, &self.name).await?;
            Ok((channel, count))
        };
        let answer = timeout(ANSWER_TIMEOUT, asking).await;
        let (channel, count) = answer.unwrap_or(Err(AskError::NoAnswer))?;
        self.channel = Some(channel);
        Ok(count)
    }

    /// Returns the new depth, or `None` if the old one still counts. Logs the first of several errors.
    fn evaluate(&mut self, answer: Result<u32, AskError>) -> Option<u32> {
        let error = match answer {
            Ok(count) => {
                self.answered = Instant::now();
                self.reported = false;
                return Some(count);
            }
            Err(error) => error,
        };
        let is_missing =
            matches!(&error, AskError::Broker(error) if reply_code(error) == Some(NOT_FOUND));
        if !self.reported {
            self.reported = true;
            tracing::warn!(queue = self.name, %error, "the depth of a queue is not known");
        }
        (is_missing || self.is_stale()).then_some(0)
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
            depths.store(MeasuredQueue::Rung(rung), count);
        }
        let webhook = Stage::Delivery(tidings_domain::notification::DeliveredChannel::Webhook);
        assert_eq!(depths.retrying(Stage::Intake), 11);
        assert_eq!(depths.retrying(webhook), 1111);
    }

    #[tokio::test(start_paused = true)]
    async fn a_depth_counts_for_a_while_without_answers_and_is_then_forgotten() {
        let mut queue = state();
        assert_eq!(queue.evaluate(Ok(7)), Some(7));
        assert_eq!(queue.evaluate(Err(AskError::NoAnswer)), None);
        advance(STALE_AFTER).await;
        assert_eq!(queue.evaluate(Err(AskError::NoAnswer)), Some(0));
        assert_eq!(queue.evaluate(Ok(8)), Some(8));
        assert_eq!(queue.evaluate(Err(AskError::NoAnswer)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_of_several_errors_is_reported() {
        let mut queue = state();
        for reported in [true, true] {
            queue.evaluate(Err(AskError::NoAnswer));
            assert_eq!(queue.reported, reported);
        }
        queue.evaluate(Ok(0));
        assert!(!queue.reported);
    }
}
