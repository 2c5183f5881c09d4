//! Consumes a queue: passes its messages to a processor, in batches, and settles them with the broker
//! according to their outcomes. Knows no stage.

mod ack_window;
mod batch_retry;
mod flow_control;
mod message_outcome;
mod place;
mod processor;
mod session;
mod settle;
mod settle_action;
mod unreadable;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_broker::{
    Backoff, ConsumeError, ConsumerConnections, MessageFactory, Publisher, unreadable_remedy,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use flow_control::{Flow, FlowControl};
pub use message_outcome::MessageOutcome;
pub use place::{Place, SharedPlace};
pub use processor::{BatchProcessor, ProcessError};

use crate::connectivity::ConsumerConnectivity;
use session::{ConsumerSession, SessionEnd};
use unreadable::UnreadableDetector;

/// Consumes one queue as long as the program runs.
pub struct Consumer<P> {
    /// Processes the messages.
    pub processor: Arc<P>,
    /// The queue.
    pub queue: String,
    /// How the messages are consumed.
    pub options: ConsumerOptions,
    /// How many messages may be consumed now.
    pub flow_control: Arc<FlowControl>,
    /// Maximum number of retries after the first attempt.
    pub max_retries: u32,
    /// The connections, shared with other consumers.
    pub connections: Arc<ConsumerConnections>,
    /// Publishes dead letters and deferred messages.
    pub publisher: Publisher,
    /// Addresses dead letters and deferred messages.
    pub message_factory: MessageFactory,
    /// Records whether this consumer is connected.
    pub connectivity: ConsumerConnectivity,
    /// The batches in progress, including those of AMQP channels that were lost.
    pub batches: TaskTracker,
}

/// How a consumer consumes messages.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerOptions {
    /// Maximum number of unsettled messages (`basic.qos`).
    pub prefetch: u16,
    /// Maximum number of messages in one batch.
    pub batch_size: usize,
    /// Maximum number of batches processed concurrently: see [`Place`].
    pub concurrency: usize,
    /// Minimum time between the starts of two batches. Does not apply to a full batch.
    pub interval: Duration,
    /// How long the acknowledgement of a message waits for messages before it, so that one `basic.ack` acknowledges many. It
    /// never waits for longer than twice this time. `None`: it waits for as long as those messages take.
    pub ack_delay: Option<Duration>,
}

impl ConsumerOptions {
    const ONE_AT_A_TIME: Self = Self {
        prefetch: 1,
        batch_size: 1,
        concurrency: 1,
        interval: Duration::ZERO,
        ack_delay: None,
    };
}

impl<P: BatchProcessor> Consumer<P> {
    /// Consumes until `stop` is cancelled and all batches are finished. Replaces lost connections.
    pub async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        Self::consume(&this, &stop).await;
        this.batches.close();
        this.batches.wait().await;
    }

    async fn consume(this: &Arc<Self>, stop: &CancellationToken) {
        let mut state = ReconnectState {
            connections: Arc::clone(&this.connections),
            backoff: Backoff::new(),
            unreadable: UnreadableDetector::default(),
        };
        // Without a session, nothing would say so.
        if this.flow_control.flow() == Flow::Stopped {
            this.connectivity.set(true);
        }
        while let Some(flow) = stop
            .run_until_cancelled(this.flow_control.wait_until_flowing())
            .await
        {
            let end = Self::run_session(this, flow, stop, &mut state).await;
            match end {
                Ok(SessionEnd::FlowChanged) => continue,
                Ok(SessionEnd::Unreadable(error)) => this.record_unreadable(&error, &mut state),
                end => {
                    state.unreadable.reset();
                    this.connectivity.set_unreadable(false);
                    this.connectivity.set(false);
                    if this.report(end, stop).await.is_break() {
                        break;
                    }
                }
            }
            stop.run_until_cancelled(state.backoff.pause()).await;
            // A consumer whose flow is stopped has no session, but its connection is not lost.
            if this.flow_control.flow() == Flow::Stopped {
                this.connectivity.set(true);
            }
        }
        if !Arc::ptr_eq(&state.connections, &this.connections) {
            state.connections.close().await;
        }
    }

    /// Moves the consumer to a connection of its own, so that the message does not end other consumers. Reports
    /// the queue once the queue counts as unreadable.
    ///
    /// The worker stays healthy, because a restart would not help. `/health` names the queue.
    fn record_unreadable(&self, error: &str, state: &mut ReconnectState) {
        if Arc::ptr_eq(&state.connections, &self.connections) {
            state.connections = Arc::new(self.connections.separate());
            tracing::warn!(
                queue = self.queue,
                error,
                "a message cannot be parsed; this consumer gets a connection of its own"
            );
        } else if state.unreadable.parse_error() {
            self.connectivity.set_unreadable(true);
            tracing::error!(
                queue = self.queue,
                error,
                remedy = unreadable_remedy(&self.queue),
                "the queue holds a message that cannot be parsed, and nothing behind it is consumed"
            );
        }
        self.connectivity.set(state.unreadable.is_unreadable());
    }

    /// Logs why a session has ended. If a server is down, waits until the servers respond.
    async fn report(
        &self,
        end: anyhow::Result<SessionEnd>,
        stop: &CancellationToken,
    ) -> ControlFlow<()> {
        match end {
            Ok(SessionEnd::Stopped) => return ControlFlow::Break(()),
            Ok(SessionEnd::FlowChanged | SessionEnd::Unreadable(_)) => {}
            Ok(SessionEnd::Paused) => {
                tracing::warn!(
                    queue = self.queue,
                    "consumer paused: returned its messages to the queue until its servers answer"
                );
                stop.run_until_cancelled(self.wait_for_servers()).await;
            }
            Ok(SessionEnd::Lost(reason)) => tracing::warn!(
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

    async fn run_session(
        this: &Arc<Self>,
        flow: Flow,
        stop: &CancellationToken,
        state: &mut ReconnectState,
    ) -> anyhow::Result<SessionEnd> {
        let options = match flow {
            Flow::Unlimited => this.options,
            Flow::OneAtATime | Flow::Stopped => ConsumerOptions::ONE_AT_A_TIME,
        };
        let opening = async {
            let connection = state.connections.get().await?;
            let opened = ConsumerSession::open(&connection, Arc::clone(this), options, stop).await;
            anyhow::Ok((connection, opened))
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else {
            return Ok(SessionEnd::Stopped);
        };
        let (connection, session) = match opened? {
            (connection, Ok(session)) => (connection, session),
            (connection, Err(error)) => {
                // Otherwise it is kept, because its other AMQP channels may work.
                if error.leaves_consumer {
                    state.connections.discard(&connection).await;
                }
                if matches!(error.cause, ConsumeError::Unreadable(_)) {
                    return Ok(error.cause.into());
                }
                return Err(error.cause).with_context(|| format!("cannot consume {}", this.queue));
            }
        };
        tracing::info!(queue = this.queue, "consuming");
        this.connectivity.set(true);
        // After a parse error the pauses must grow, because an unreadable message ends each connection at once.
        if state.unreadable.is_clear() {
            state.backoff.reset();
        }
        let mut running = pin!(session.run(flow, stop));
        let stable = timeout(unreadable::STABLE_AFTER, &mut running).await;
        let (end, closed) = if let Ok(ended) = stable {
            ended
        } else {
            state.unreadable.reset();
            state.backoff.reset();
            this.connectivity.set_unreadable(false);
            running.await
        };
        if !closed {
            // Unsettled messages return to the queue only when their AMQP channel ends. If the channel cannot
            // be closed, its connection is.
            state.connections.discard(&connection).await;
        }
        Ok(end)
    }

    async fn wait_for_servers(&self) {
        let mut backoff = Backoff::new();
        while !self.processor.servers_respond().await {
            backoff.pause().await;
        }
    }
}

/// What a consumer keeps from one session to the next.
struct ReconnectState {
    /// Shared with other consumers until a message cannot be parsed.
    connections: Arc<ConsumerConnections>,
    backoff: Backoff,
    unreadable: UnreadableDetector,
}
