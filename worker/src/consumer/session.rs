use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tidings_broker::{ConsumeError, ConsumerChannel, ConsumerConnection, Envelope, Settlement};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ack_window::AckWindow;
use super::gate::Flow;
use super::settle::BatchResult;
use super::{Consumer, Taking, Work};

/// Why a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was asked to, and everything that was in flight is finished.
    Stopped,
    /// The gate lets through another flow than this session was opened for. What was in flight is
    /// finished.
    Gate,
    /// The surroundings stayed away for too long to hold messages.
    Paused,
    /// The channel or the connection has ended.
    Lost(String),
    /// A message that cannot be parsed has ended the connection.
    Unreadable(String),
}

impl From<ConsumeError> for End {
    fn from(why: ConsumeError) -> Self {
        match why {
            ConsumeError::Unreadable(_) => Self::Unreadable(why.to_string()),
            _ => Self::Lost(why.to_string()),
        }
    }
}

/// One AMQP channel that consumes, from its opening to its end.
pub(super) struct Session<W> {
    consumer: Arc<Consumer<W>>,
    taking: Taking,
    channel: ConsumerChannel,
    ack_window: AckWindow,
    /// Handed over, and in no batch yet.
    waiting: Vec<Envelope>,
    /// From when on a batch may start that is not full.
    pace: Instant,
    running: JoinSet<BatchResult>,
    /// Cancelled when the program stops: no batch may then wait for its surroundings.
    stop: CancellationToken,
}

impl<W: Work> Session<W> {
    /// Opens a channel and starts consuming.
    pub(super) async fn open(
        connection: &ConsumerConnection,
        consumer: Arc<Consumer<W>>,
        taking: Taking,
        stop: &CancellationToken,
    ) -> Result<Self, ConsumeError> {
        let channel = ConsumerChannel::open(connection, &consumer.queue, taking.prefetch).await?;
        Ok(Self {
            consumer,
            taking,
            channel,
            ack_window: AckWindow::default(),
            waiting: Vec::with_capacity(taking.batch_size),
            pace: Instant::now(),
            running: JoinSet::new(),
            stop: stop.clone(),
        })
    }

    /// Takes messages until `stop` is cancelled or the gate changes, then finishes what is in flight.
    /// Also tells whether the channel is closed.
    pub(super) async fn run(mut self, flow: Flow, stop: &CancellationToken) -> (End, bool) {
        let mut end = match self.take(flow, stop).await {
            Ok(end) | Err(end) => end,
        };
        if matches!(end, End::Lost(_) | End::Unreadable(_)) {
            // The broker will hand these messages over again, but what was begun is finished: work
            // that reaches the outside world cannot be taken back.
            self.running.detach_all();
        } else if let Err(lost) = self.drain().await {
            self.running.detach_all();
            end = lost;
        }
        // Before the connection ends, so that the broker has worked off what was sent on it. It also
        // returns whatever was not settled.
        let closed = self.channel.close().await;
        (end, closed)
    }

    /// Hands batches to the work, several at once, until it is to stop, and tells why.
    ///
    /// A message on a quiet queue starts a batch of its own at once. The next one starts when it is found
    /// full, or `interval` after the start of the last: so the cost of a transaction is shared by the more
    /// messages the more there are, and none waits longer for company than that. What arrives meanwhile
    /// is not waited for: each of them would cost a wake-up.
    async fn take(&mut self, flow: Flow, stop: &CancellationToken) -> Result<End, End> {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let gate = Arc::clone(&self.consumer.gate);
        let mut change = pin!(gate.change_from(flow));
        loop {
            self.receive();
            let full = self.waiting.len() >= self.taking.batch_size;
            let room = self.running.len() < self.taking.concurrency;
            let none = self.waiting.is_empty();
            if room && !none && (full || self.pace <= Instant::now()) {
                self.start_batch();
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                () = &mut change => return Ok(End::Gate),
                Some(settled) = self.running.join_next(), if !self.running.is_empty() => self.settled(settled).await?,
                arrived = self.channel.ready(), if none => arrived?,
                () = sleep_until(self.pace), if room && !none => {}
                // A dead channel ends the deliveries; this is for the case that nobody is reading them.
                _ = look.tick() => if !self.channel.is_open() {
                    return Err(End::Lost("the channel is closed".to_owned()));
                },
            }
        }
    }

    /// Takes in what has arrived, up to a batch.
    fn receive(&mut self) {
        while self.waiting.len() < self.taking.batch_size
            && let Some(envelope) = self.channel.pop()
        {
            self.ack_window.handed_over(envelope.delivery_tag);
            self.waiting.push(envelope);
        }
    }

    fn start_batch(&mut self) {
        self.pace = Instant::now() + self.taking.interval;
        let room = Vec::with_capacity(self.taking.batch_size);
        let batch = std::mem::replace(&mut self.waiting, room);
        metrics::histogram!("tidings_batch_size")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let consumer = Arc::clone(&self.consumer);
        let stop = self.stop.clone();
        let settling = async move { consumer.settle(batch, &stop).await };
        self.running
            .spawn(self.consumer.begun.track_future(settling));
    }

    /// Settles a batch with the broker.
    async fn settled(&mut self, settled: Result<BatchResult, JoinError>) -> Result<(), End> {
        // Panics of the work are caught earlier. If anything else panics, the messages of that batch are
        // settled nowhere, and only the end of the channel returns them.
        let result = settled.map_err(|error| End::Lost(error.to_string()))?;
        let mut settlement = Settlement::default();
        if self.taking.ack_each {
            result
                .acks
                .iter()
                .for_each(|tag| self.ack_window.told(*tag));
            settlement.acks = result.acks;
        } else {
            result.acks.iter().for_each(|tag| self.ack_window.ack(*tag));
        }
        result
            .nacks
            .iter()
            .for_each(|tag| self.ack_window.told(*tag));
        settlement.nacks = result.nacks;
        settlement.ack_up_to = self.ack_window.take_ack();
        self.channel.settle(settlement).await?;
        if result.give_back {
            Err(End::Paused)
        } else {
            Ok(())
        }
    }

    /// Takes no more and finishes the batches.
    ///
    /// What no batch has yet is not returned one by one: the end of the channel does that, all at
    /// once. After hundreds of `basic.nack`s the broker holds further commands of the channel back,
    /// and drops them, acknowledgements among them, when the channel ends.
    async fn drain(&mut self) -> Result<(), End> {
        self.channel.cancel().await?;
        let mut given_back = false;
        while let Some(settled) = self.running.join_next().await {
            match self.settled(settled).await {
                Ok(()) => {}
                // The end of the channel returns it.
                Err(End::Paused) => given_back = true,
                Err(end) => return Err(end),
            }
        }
        tracing::info!(queue = self.consumer.queue, given_back, "consumer drained");
        Ok(())
    }
}
