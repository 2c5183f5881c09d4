use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_broker::wire::{Channel, Connection, Deliveries, Error};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::Flow;
use super::ledger::Ledger;
use super::settle::Settlement;
use super::{Consumer, Incoming, Taking, Work};

/// How long the broker may take to let us send a frame or to answer one. A broker that is short of
/// memory stops reading from us.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The channel or the connection died.
    Lost(String),
}

impl From<Error> for End {
    fn from(why: Error) -> Self {
        Self::Lost(why.to_string())
    }
}

/// One AMQP channel that consumes, from its opening to its end.
pub(super) struct Session<W> {
    consumer: Arc<Consumer<W>>,
    taking: Taking,
    channel: Channel,
    deliveries: Deliveries,
    ledger: Ledger,
    /// Handed over, and in no batch yet.
    waiting: Vec<Incoming>,
    /// From when on a batch may start that is not full.
    pace: Instant,
    running: JoinSet<Settlement>,
    /// Cancelled when the program stops: no batch may then wait for its surroundings.
    stop: CancellationToken,
}

impl<W: Work> Session<W> {
    /// Opens a channel and starts consuming.
    pub(super) async fn open(
        connection: &Connection,
        consumer: Arc<Consumer<W>>,
        taking: Taking,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let channel = connection
            .channel()
            .await
            .context("cannot open a channel")?;
        channel
            .qos(taking.prefetch)
            .await
            .context("cannot set the prefetch count")?;
        let deliveries = channel
            .consume(&consumer.queue)
            .await
            .with_context(|| format!("cannot consume {}", consumer.queue))?;
        Ok(Self {
            consumer,
            taking,
            channel,
            deliveries,
            ledger: Ledger::default(),
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
        if matches!(end, End::Lost(_)) {
            // The broker will hand these messages over again, but what was begun is finished: work
            // that reaches the outside world cannot be taken back.
            self.running.detach_all();
        } else if let Err(lost) = self.drain().await {
            self.running.detach_all();
            end = lost;
        }
        // Before the connection ends, so that the broker has worked off what was sent on it. It also
        // returns whatever was not settled.
        let closing = sent(self.channel.close()).await;
        (end, closing.is_ok() || !self.channel.is_open())
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
                arrived = self.deliveries.ready(), if none => arrived?,
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
            && let Some(delivery) = self.deliveries.pop()
        {
            self.ledger.handed_over(delivery.delivery_tag);
            self.waiting.push(Incoming::from(delivery));
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

    /// Tells the broker how a batch ended.
    async fn settled(&mut self, settled: Result<Settlement, JoinError>) -> Result<(), End> {
        // Work that panics is caught before; should anything else panic, the messages of that batch
        // are settled nowhere, and only the end of the channel returns them.
        let settlement = settled.map_err(|error| End::Lost(error.to_string()))?;
        for tag in settlement.acks {
            if self.taking.ack_each {
                self.channel.ack(tag, false)?;
                self.ledger.told(tag);
            } else {
                self.ledger.ack(tag);
            }
        }
        for tag in settlement.nacks {
            self.channel.nack(tag)?;
            self.ledger.told(tag);
        }
        if let Some(tag) = self.ledger.take_ack() {
            self.channel.ack(tag, true)?;
        }
        sent(self.channel.room()).await?;
        if settlement.give_back {
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
        sent(self.channel.cancel(&self.deliveries)).await?;
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

/// Waits until frames are sent or answered.
async fn sent(frames: impl Future<Output = Result<(), Error>>) -> Result<(), End> {
    match timeout(PATIENCE, frames).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(End::Lost("RabbitMQ takes no frames".to_owned())),
    }
}
