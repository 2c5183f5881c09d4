use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
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

/// One AMQP channel that consumes, from its opening to its end.
pub(super) struct Session<W> {
    consumer: Arc<Consumer<W>>,
    taking: Taking,
    channel: Channel,
    deliveries: lapin::Consumer,
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
            .create_channel()
            .await
            .context("cannot open a channel")?;
        channel
            .basic_qos(taking.prefetch, BasicQosOptions::default())
            .await
            .context("cannot set the prefetch count")?;
        let deliveries = channel
            .basic_consume(
                consumer.queue.as_str().into(),
                // The broker names it.
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
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
    pub(super) async fn run(
        mut self,
        connection: &Connection,
        flow: Flow,
        stop: &CancellationToken,
    ) -> (End, bool) {
        let mut end = match self.take(connection, flow, stop).await {
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
        let closing = sent(self.channel.close(200, "done".into())).await;
        let closed = closing.is_ok() || !connection.status().connected();
        (end, closed || !self.channel.status().connected())
    }

    /// Hands batches to the work, several at once, until it is to stop, and tells why.
    ///
    /// A message on a quiet queue starts a batch of its own at once. The next one starts when it is full,
    /// or `interval` after the start of the last: so the cost of a transaction is shared by the more
    /// messages the more there are, and none waits longer for company than that.
    async fn take(
        &mut self,
        connection: &Connection,
        flow: Flow,
        stop: &CancellationToken,
    ) -> Result<End, End> {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let gate = Arc::clone(&self.consumer.gate);
        let mut change = pin!(gate.change_from(flow));
        loop {
            let full = self.waiting.len() >= self.taking.batch_size;
            let room = self.running.len() < self.taking.concurrency;
            let some = room && !self.waiting.is_empty();
            if some && (full || self.pace <= Instant::now()) {
                self.start_batch();
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                () = &mut change => return Ok(End::Gate),
                Some(settled) = self.running.join_next(), if !self.running.is_empty() => self.settled(settled).await?,
                delivery = self.deliveries.next(), if !full => match delivery {
                    Some(Ok(first)) => self.receive(first),
                    Some(Err(error)) => return Err(End::Lost(error.to_string())),
                    None => return Err(End::Lost("the broker cancelled the consumer".to_owned())),
                },
                () = sleep_until(self.pace), if some => {}
                // A dead connection ends the stream of deliveries; this is for the case that
                // nobody is reading from it, and for one that dies silently.
                _ = look.tick() => if !connection.status().connected() || !self.channel.status().connected() {
                    return Err(End::Lost("the connection is closed".to_owned()));
                },
            }
        }
    }

    /// Takes in a message, and what else has arrived, up to a batch.
    fn receive(&mut self, first: Delivery) {
        let mut next = Some(first);
        while let Some(delivery) = next.take() {
            self.ledger.handed_over(delivery.delivery_tag);
            self.waiting.push(Incoming::from(delivery));
            if self.waiting.len() < self.taking.batch_size
                && let Some(Some(Ok(another))) = self.deliveries.next().now_or_never()
            {
                next = Some(another);
            }
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
                let options = BasicAckOptions { multiple: false };
                sent(self.channel.basic_ack(tag, options)).await?;
                self.ledger.told(tag);
            } else {
                self.ledger.ack(tag);
            }
        }
        for tag in settlement.nacks {
            let options = BasicNackOptions {
                multiple: false,
                requeue: false,
            };
            sent(self.channel.basic_nack(tag, options)).await?;
            self.ledger.told(tag);
        }
        if let Some(tag) = self.ledger.take_ack() {
            sent(
                self.channel
                    .basic_ack(tag, BasicAckOptions { multiple: true }),
            )
            .await?;
        }
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
        let tag = self.deliveries.tag();
        sent(
            self.channel
                .basic_cancel(tag, BasicCancelOptions::default()),
        )
        .await?;
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

/// Waits until a frame is sent or answered.
async fn sent(frame: impl Future<Output = lapin::Result<()>>) -> Result<(), End> {
    match timeout(PATIENCE, frame).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Lost(error.to_string())),
        Err(_) => Err(End::Lost("RabbitMQ takes no frames".to_owned())),
    }
}
