use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tidings_broker::{
    ConsumeError, ConsumerChannel, ConsumerConnection, Envelope, OpenConsumerError, Settlement,
};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ack_window::{AckWindow, Acks};
use super::flow_control::Flow;
use super::settle::BatchResult;
use super::{BatchProcessor, Consumer, ConsumerOptions, MessageOutcome, Place};

/// Why a session has ended.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The program stops. All batches are finished.
    Stopped,
    /// The flow is no longer the one that the session was opened for. All batches are finished.
    FlowChanged,
    /// A server stayed down for longer than messages may be held. They have returned to their queue.
    Paused,
    /// The AMQP channel or the connection has ended.
    Lost(String),
    /// A message that cannot be parsed has ended the connection.
    Unreadable(String),
}

impl From<ConsumeError> for SessionEnd {
    fn from(error: ConsumeError) -> Self {
        match error {
            ConsumeError::Unreadable(_) => Self::Unreadable(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

/// Consumes on one AMQP channel, from its opening to its end.
pub(super) struct ConsumerSession<P> {
    consumer: Arc<Consumer<P>>,
    options: ConsumerOptions,
    channel: ConsumerChannel,
    ack_window: AckWindow,
    /// When the messages that wait to be acknowledged are, if any wait.
    next_acks: Option<Instant>,
    /// Delivered messages that are in no batch yet.
    next_batch: Vec<Envelope>,
    /// Delivered messages that are deferred without being processed.
    to_defer: Vec<(Envelope, MessageOutcome)>,
    /// When the next batch may start even if it is not full.
    next_start: Instant,
    batches: JoinSet<BatchResult>,
    /// One for each batch that may be processed at the same time.
    places: Arc<Semaphore>,
    /// The messages being deferred. They do not count towards the concurrency, because messages that can be
    /// processed must not wait for them.
    deferring: JoinSet<BatchResult>,
    /// Cancelled when the program stops. Batches then no longer wait for a server.
    stop: CancellationToken,
}

impl<P: BatchProcessor> ConsumerSession<P> {
    /// Opens an AMQP channel and starts consuming.
    pub(super) async fn open(
        connection: &ConsumerConnection,
        consumer: Arc<Consumer<P>>,
        options: ConsumerOptions,
        stop: &CancellationToken,
    ) -> Result<Self, OpenConsumerError> {
        let channel = ConsumerChannel::open(connection, &consumer.queue, options.prefetch).await?;
        Ok(Self {
            consumer,
            options,
            channel,
            ack_window: AckWindow::default(),
            next_acks: None,
            next_batch: Vec::with_capacity(options.batch_size),
            to_defer: Vec::new(),
            next_start: Instant::now(),
            batches: JoinSet::new(),
            places: Arc::new(Semaphore::new(options.concurrency)),
            deferring: JoinSet::new(),
            stop: stop.clone(),
        })
    }

    /// Consumes until `stop` is cancelled or the flow changes, then finishes the batches. Also returns whether
    /// the AMQP channel is closed.
    pub(super) async fn run(mut self, flow: Flow, stop: &CancellationToken) -> (SessionEnd, bool) {
        let mut end = match self.consume(flow, stop).await {
            Ok(end) | Err(end) => end,
        };
        if matches!(end, SessionEnd::Lost(_) | SessionEnd::Unreadable(_)) {
            // The broker redelivers these messages, but their batches are finished: a send cannot be undone.
            self.batches.detach_all();
            self.deferring.detach_all();
        } else if let Err(error) = self.drain().await {
            self.batches.detach_all();
            self.deferring.detach_all();
            end = error;
        }
        // Closed before the connection, so that the broker processes all acknowledgements. This also returns
        // the unsettled messages to the queue.
        let closed = self.channel.close().await;
        (end, closed)
    }

    /// Processes batches concurrently until the session must end, and returns why.
    ///
    /// In a quiet queue, a message starts a batch immediately. The next batch starts when it is full, or at the
    /// earliest `interval` after the previous start. The more messages arrive, the more share the cost of a
    /// transaction, and no message waits for others longer than that. The loop does not wake up for messages
    /// that arrive in between.
    async fn consume(
        &mut self,
        flow: Flow,
        stop: &CancellationToken,
    ) -> Result<SessionEnd, SessionEnd> {
        let mut channel_check = tokio::time::interval(Duration::from_secs(1));
        let flow_control = Arc::clone(&self.consumer.flow_control);
        let places = Arc::clone(&self.places);
        let mut flow_change = pin!(flow_control.wait_for_change_from(flow));
        loop {
            self.collect_deliveries();
            let is_full = self.next_batch.len() >= self.options.batch_size;
            let is_empty = self.next_batch.is_empty();
            let is_time = is_full || self.next_start <= Instant::now();
            if !is_empty && is_time && self.start_batch() {
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(SessionEnd::Stopped),
                () = &mut flow_change => return Ok(SessionEnd::FlowChanged),
                Some(result) = self.deferring.join_next(), if !self.deferring.is_empty() => {
                    self.settle_finished(result).await?;
                }
                Some(result) = self.batches.join_next(), if !self.batches.is_empty() => {
                    self.settle_finished(result).await?;
                }
                ready = self.channel.ready(), if is_empty => ready?,
                _ = places.acquire(), if !is_empty && is_time => {}
                () = sleep_until(self.next_start), if !is_empty && !is_time => {}
                () = sleep_until(self.next_acks.unwrap_or(self.next_start)), if self.next_acks.is_some() => {
                    self.settle(BatchResult::default()).await?;
                }
                // `ready` reports a lost channel, but is not polled while messages wait for a batch.
                _ = channel_check.tick() => if !self.channel.is_open() {
                    return Err(SessionEnd::Lost("the channel is closed".to_owned()));
                },
            }
        }
    }

    /// Adds the messages that have arrived to the next batch, until it is full. Defers those that cannot be
    /// processed now.
    fn collect_deliveries(&mut self) {
        while self.next_batch.len() < self.options.batch_size
            && let Some(envelope) = self.channel.pop()
        {
            self.ack_window.add(envelope.delivery_tag);
            match self.consumer.processor.defer_at_once(&envelope) {
                Some(outcome) => self.to_defer.push((envelope, outcome)),
                None => self.next_batch.push(envelope),
            }
        }
        if !self.to_defer.is_empty() {
            let batch = std::mem::take(&mut self.to_defer);
            let (consumer, stop) = (Arc::clone(&self.consumer), self.stop.clone());
            let deferring = async move { consumer.defer_batch(batch, &stop).await };
            self.deferring
                .spawn(self.consumer.batches.track_future(deferring));
        }
    }

    /// Starts the next batch. Returns false if there is no place for it.
    fn start_batch(&mut self) -> bool {
        let Some(place) = Place::take(&self.places) else {
            return false;
        };
        self.next_start = Instant::now() + self.options.interval;
        let empty = Vec::with_capacity(self.options.batch_size);
        let batch = std::mem::replace(&mut self.next_batch, empty);
        metrics::histogram!("tidings_batch_size")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let consumer = Arc::clone(&self.consumer);
        let stop = self.stop.clone();
        let processing = async move { consumer.process_batch(batch, &place, &stop).await };
        self.batches
            .spawn(self.consumer.batches.track_future(processing));
        true
    }

    /// Settles the messages of a batch, and those of all other batches that have finished, so that their
    /// acknowledgements share a write to the socket.
    async fn settle_finished(
        &mut self,
        first: Result<BatchResult, JoinError>,
    ) -> Result<(), SessionEnd> {
        let mut all = BatchResult::default();
        let mut next = Some(first);
        while let Some(result) = next {
            // `batch_retry` catches panics of the processor. After any other panic, only the end of the AMQP channel
            // returns the messages of the batch.
            all.append(result.map_err(|error| SessionEnd::Lost(error.to_string()))?);
            next = self.batches.try_join_next();
        }
        self.settle(all).await
    }

    /// Settles messages with the broker. Acknowledgements may wait for a short time, but not those of messages of which a copy
    /// has been published.
    async fn settle(&mut self, result: BatchResult) -> Result<(), SessionEnd> {
        result.acks.iter().for_each(|tag| self.ack_window.ack(*tag));
        for tag in result.nacks.iter().chain(&result.copied) {
            self.ack_window.settled(*tag);
        }
        let mut acks = self.due_acks();
        acks.each.extend(result.copied);
        self.send_settlement(acks, result.nacks).await?;
        if result.requeue {
            Err(SessionEnd::Paused)
        } else {
            Ok(())
        }
    }

    /// The acknowledgements to send now. Sets the time of the next ones.
    fn due_acks(&mut self) -> Acks {
        let Some(delay) = self.options.ack_delay else {
            return self.ack_window.take_together();
        };
        let now = Instant::now();
        let most = usize::from(self.options.prefetch) / 4;
        let acks = if !self.ack_window.has_unsettled() {
            self.ack_window.take_all()
        } else if self.next_acks.is_some_and(|time| time <= now) {
            self.next_acks = None;
            self.ack_window.take_overdue()
        } else if self.ack_window.waiting() > most {
            self.ack_window.take_together()
        } else {
            Acks::default()
        };
        if self.ack_window.waiting() == 0 {
            self.next_acks = None;
        } else {
            self.next_acks.get_or_insert(now + delay);
        }
        acks
    }

    /// Acknowledges all messages that may be, unless the consumer acknowledges them only together.
    async fn acknowledge_all(&mut self) -> Result<(), SessionEnd> {
        if self.options.ack_delay.is_none() {
            return Ok(());
        }
        let acks = self.ack_window.take_all();
        self.send_settlement(acks, Vec::new()).await
    }

    async fn send_settlement(&mut self, acks: Acks, nacks: Vec<u64>) -> Result<(), SessionEnd> {
        let settlement = Settlement {
            acks: acks.each,
            nacks,
            ack_up_to: acks.up_to,
        };
        if settlement.is_empty() {
            return Ok(());
        }
        Ok(self.channel.settle(settlement).await?)
    }

    /// Cancels the consumer (`basic.cancel`) and finishes the batches.
    ///
    /// Does not return the other messages individually; the end of the AMQP channel returns them all at once.
    /// After hundreds of `basic.nack`s, the broker delays further commands on the channel. If the channel ends
    /// meanwhile, the broker drops them, even acknowledgements.
    async fn drain(&mut self) -> Result<(), SessionEnd> {
        self.channel.cancel().await?;
        // From here on, no acknowledgement waits for another: the program may be killed before the slowest batch is finished.
        self.acknowledge_all().await?;
        let mut requeued = false;
        while let Some(result) = match self.batches.join_next().await {
            Some(result) => Some(result),
            None => self.deferring.join_next().await,
        } {
            match self.settle_finished(result).await {
                Ok(()) => self.acknowledge_all().await?,
                // The end of the AMQP channel returns the messages.
                Err(SessionEnd::Paused) => {
                    requeued = true;
                    self.acknowledge_all().await?;
                }
                Err(end) => return Err(end),
            }
        }
        tracing::info!(queue = self.consumer.queue, requeued, "consumer drained");
        Ok(())
    }
}
