//! Takes messages from a queue, hands them to a kind of work in batches, and tells the broker how
//! each ended. Knows no kind of work.

mod ack_window;
mod batch_retry;
mod gate;
mod outcome;
mod session;
mod settle;
mod unreadable;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_broker::{
    Backoff, ConsumeError, ConsumerConnections, Envelope, Failure, MessageFactory, Publisher,
    unreadable_remedy,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use gate::{Flow, Gate};
pub use outcome::{Outcome, Surroundings};

use crate::connectivity::ConsumerConnectivity;
use session::{End, Session};
use unreadable::UnreadableDetector;

/// A kind of work.
pub trait Work: Send + Sync + 'static {
    /// Processes a batch and tells how each message of it ended, in the batch's order.
    ///
    /// May be called again with the same messages, or some of them, at any later time: whatever it
    /// did must make the second time harmless.
    ///
    /// # Errors
    ///
    /// Where the trouble is not the messages'. They are then held and tried again.
    fn process(
        &self,
        batch: &[Envelope],
    ) -> impl Future<Output = Result<Vec<Outcome>, Surroundings>> + Send;

    /// Notes that a message is given up; a dead letter that says why is safe with the broker.
    ///
    /// # Errors
    ///
    /// Where that could not be noted; it is tried again.
    fn given_up(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> impl Future<Output = Result<(), Surroundings>> + Send;

    /// Whether the surroundings answer at all: the difference between a server that is away and a
    /// batch that it cannot stand.
    fn surroundings_answer(&self) -> impl Future<Output = bool> + Send;
}

/// Consumes one queue for as long as the program runs.
pub struct Consumer<W> {
    /// What is done with the messages.
    pub work: Arc<W>,
    /// Where they come from.
    pub queue: String,
    /// How they are taken.
    pub taking: Taking,
    /// Whether they are to be taken now.
    pub gate: Arc<Gate>,
    /// Retries after a message's first attempt.
    pub max_retries: u32,
    /// The way to the broker, shared with other consumers.
    pub connections: Arc<ConsumerConnections>,
    /// For dead letters and deferrals.
    pub publisher: Publisher,
    /// Where those go.
    pub message_factory: MessageFactory,
    /// Records whether this consumer is connected.
    pub connectivity: ConsumerConnectivity,
    /// Batches that were begun. Those of a channel that died are finished all the same.
    pub begun: TaskTracker,
}

/// How a consumer takes messages.
#[derive(Clone, Copy, Debug)]
pub struct Taking {
    /// Messages that the broker may have handed over and not had back, at most.
    pub prefetch: u16,
    /// Messages in one batch, at most.
    pub batch_size: usize,
    /// Batches in flight at once.
    pub concurrency: usize,
    /// From the start of one batch to that of the next, at least, unless that one is full.
    pub interval: Duration,
    /// Whether each message is acknowledged as soon as it is done, so that one that takes long holds up
    /// nobody; otherwise many at once, which is quicker.
    pub ack_each: bool,
}

impl Taking {
    /// One message at a time.
    const ONE: Self = Self {
        prefetch: 1,
        batch_size: 1,
        concurrency: 1,
        interval: Duration::ZERO,
        ack_each: true,
    };
}

impl<W: Work> Consumer<W> {
    /// Consumes until `stop` is cancelled and what is in flight is finished. Connections that die
    /// are replaced by others.
    pub async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        Self::consume(&this, &stop).await;
        this.begun.close();
        this.begun.wait().await;
    }

    async fn consume(this: &Arc<Self>, stop: &CancellationToken) {
        let mut source = Source {
            connections: Arc::clone(&this.connections),
            backoff: Backoff::new(),
            unreadable: UnreadableDetector::default(),
        };
        while let Some(flow) = stop.run_until_cancelled(this.gate.passable()).await {
            let end = Self::consume_once(this, flow, stop, &mut source).await;
            match end {
                Ok(End::Gate) => continue,
                Ok(End::Unreadable(error)) => this.record_unreadable(&error, &mut source),
                end => {
                    source.unreadable.other();
                    this.connectivity.set_unreadable(false);
                    this.connectivity.set(false);
                    if this.report(end, stop).await.is_break() {
                        break;
                    }
                }
            }
            stop.run_until_cancelled(source.backoff.pause()).await;
            // A closed gate is no sign of a lost connection.
            if this.gate.flow() == Flow::None {
                this.connectivity.set(true);
            }
        }
        if !Arc::ptr_eq(&source.connections, &this.connections) {
            source.connections.close().await;
        }
    }

    /// Moves the consumer to a connection of its own, so that the message ends no other consumer, and
    /// reports the queue once it is certain that the queue holds the message.
    ///
    /// The worker stays healthy, since restarting it would not help. `/health` names the queue.
    fn record_unreadable(&self, error: &str, source: &mut Source) {
        if Arc::ptr_eq(&source.connections, &self.connections) {
            source.connections = Arc::new(self.connections.separate());
            tracing::warn!(
                queue = self.queue,
                error,
                "a message cannot be parsed; this consumer gets a connection of its own"
            );
        } else if source.unreadable.parse_error() {
            self.connectivity.set_unreadable(true);
            tracing::error!(
                queue = self.queue,
                error,
                remedy = unreadable_remedy(&self.queue),
                "the queue holds a message that cannot be parsed, and nothing behind it is consumed"
            );
        }
        self.connectivity.set(source.unreadable.is_certain());
    }

    /// Logs why a session has ended, and waits until the next one makes sense.
    async fn report(&self, end: anyhow::Result<End>, stop: &CancellationToken) -> ControlFlow<()> {
        match end {
            Ok(End::Stopped) => return ControlFlow::Break(()),
            Ok(End::Gate | End::Unreadable(_)) => {}
            Ok(End::Paused) => {
                tracing::warn!(
                    queue = self.queue,
                    "consumer paused: returned its messages to the queue until its servers answer"
                );
                stop.run_until_cancelled(self.until_surroundings_answer())
                    .await;
            }
            Ok(End::Lost(reason)) => tracing::warn!(
                queue = self.queue,
                reason,
                "consumer lost its channel to RabbitMQ"
            ),
            Err(error) => tracing::warn!(
                queue = self.queue,
                error = format!("{error:#}"),
                "cannot consume; trying again"
            ),
        }
        ControlFlow::Continue(())
    }

    async fn consume_once(
        this: &Arc<Self>,
        flow: Flow,
        stop: &CancellationToken,
        source: &mut Source,
    ) -> anyhow::Result<End> {
        let taking = match flow {
            Flow::All => this.taking,
            Flow::One | Flow::None => Taking::ONE,
        };
        let opening = async {
            let connection = source.connections.get().await?;
            // Other channels of the connection may work: only this one is given up.
            let opened = Session::open(&connection, Arc::clone(this), taking, stop).await;
            anyhow::Ok((connection, opened))
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else {
            return Ok(End::Stopped);
        };
        let (connection, session) = match opened? {
            (connection, Ok(session)) => (connection, session),
            (_, Err(error @ ConsumeError::Unreadable(_))) => return Ok(error.into()),
            (_, Err(error)) => {
                return Err(error).with_context(|| format!("cannot consume {}", this.queue));
            }
        };
        tracing::info!(queue = this.queue, "consuming");
        this.connectivity.set(true);
        // An unreadable message ends each connection at once: the pauses between them must grow.
        if source.unreadable.is_clear() {
            source.backoff.reset();
        }
        let mut running = pin!(session.run(flow, stop));
        let (end, closed) = if let Ok(ended) = timeout(unreadable::LASTING, &mut running).await {
            ended
        } else {
            source.unreadable.other();
            source.backoff.reset();
            this.connectivity.set_unreadable(false);
            running.await
        };
        if !closed {
            // Only the end of the channel returns what was not settled. A channel that cannot be closed
            // ends with its connection.
            source.connections.discard(&connection).await;
        }
        Ok(end)
    }

    async fn until_surroundings_answer(&self) {
        let mut backoff = Backoff::new();
        while !self.work.surroundings_answer().await {
            backoff.pause().await;
        }
    }
}

/// Where a consumer gets its channels from.
struct Source {
    /// Shared with other consumers until a message cannot be parsed.
    connections: Arc<ConsumerConnections>,
    backoff: Backoff,
    unreadable: UnreadableDetector,
}
