//! Takes messages from a queue, hands them to a kind of work in batches, and tells the broker how
//! each ended. Knows no kind of work.

mod ack_window;
mod batch_retry;
mod gate;
mod outcome;
mod session;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_broker::{Backoff, ConsumerConnections, Envelope, Failure, Publisher, Router};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use gate::{Flow, Gate};
pub use outcome::{Outcome, Surroundings};

use crate::connectivity::ConsumerConnectivity;
use session::{End, Session};

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
    pub router: Router,
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
        let mut backoff = Backoff::new();
        while let Some(flow) = stop.run_until_cancelled(this.gate.passable()).await {
            let end = Self::consume_once(this, flow, stop, &mut backoff).await;
            if matches!(end, Ok(End::Gate)) {
                continue;
            }
            this.connectivity.set(false);
            match end {
                Ok(End::Stopped) => return,
                Ok(End::Gate) => {}
                Ok(End::Paused) => {
                    tracing::warn!(
                        queue = this.queue,
                        "consumer paused: gave back what it held until the surroundings are back"
                    );
                    stop.run_until_cancelled(this.until_surroundings_answer())
                        .await;
                }
                Ok(End::Lost(reason)) => tracing::warn!(
                    queue = this.queue,
                    reason,
                    "consumer lost its channel to RabbitMQ"
                ),
                Err(error) => tracing::warn!(
                    queue = this.queue,
                    error = format!("{error:#}"),
                    "cannot consume; trying again"
                ),
            }
            stop.run_until_cancelled(backoff.pause()).await;
            // While none are to be taken, it is not for want of a way.
            if this.gate.flow() == Flow::None {
                this.connectivity.set(true);
            }
        }
    }

    async fn consume_once(
        this: &Arc<Self>,
        flow: Flow,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> anyhow::Result<End> {
        let taking = match flow {
            Flow::All => this.taking,
            Flow::One | Flow::None => Taking::ONE,
        };
        let opening = async {
            let connection = this.connections.get().await?;
            // Other channels of the connection may work: only this one is given up.
            let opened = Session::open(&connection, Arc::clone(this), taking, stop).await;
            let opened = opened.with_context(|| format!("cannot consume {}", this.queue))?;
            anyhow::Ok((connection, opened))
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else {
            return Ok(End::Stopped);
        };
        let (connection, session) = opened?;
        tracing::info!(queue = this.queue, "consuming");
        this.connectivity.set(true);
        backoff.reset();
        let (end, closed) = session.run(flow, stop).await;
        if !closed {
            // Only the end of the channel returns what was not settled, and it does not end by
            // itself: then the connection has to.
            this.connections.discard(&connection).await;
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
