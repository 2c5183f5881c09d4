//! Takes messages from a queue, hands them to a kind of work in batches, and tells the broker how
//! each ended. Knows no kind of work.

mod ledger;
mod outcome;
mod patience;
mod session;
mod settle;

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::ShortString;
use tidings_common::broker::{Backoff, Failure, Publisher, Router, Topology, connect, declare};
use tidings_common::retry::Attempt;
use tidings_common::settings::BrokerSettings;
use tokio_util::sync::CancellationToken;

pub use outcome::{Outcome, Surroundings};

use crate::links::Links;
use crate::settings::ConsumerSettings;
use session::{End, Session};

/// A message as it came from the broker.
#[derive(Debug)]
pub struct Incoming {
    /// Which attempt this is; `None` where the routing key cannot be read, which counts as the
    /// last.
    pub attempt: Option<Attempt>,
    /// As it was published; a deferral sends it again.
    pub routing_key: String,
    /// As they were published, with what the broker added.
    pub properties: BasicProperties,
    /// The message.
    pub body: Vec<u8>,
    delivery_tag: u64,
}

impl From<Delivery> for Incoming {
    fn from(delivery: Delivery) -> Self {
        Self {
            attempt: Attempt::from_routing_key(delivery.routing_key.as_str()),
            routing_key: delivery.routing_key.into(),
            properties: delivery.properties,
            body: delivery.data,
            delivery_tag: delivery.delivery_tag,
        }
    }
}

impl Incoming {
    /// What its properties call it, for the log.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.properties
            .message_id()
            .as_ref()
            .map(ShortString::as_str)
    }

    /// The id of the request that it came by, for the log: its correlation id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.properties
            .correlation_id()
            .as_ref()
            .map(ShortString::as_str)
    }

    /// How often this message has been tried, this time included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempt
            .map_or(1, |attempt| attempt.number.saturating_add(1))
    }
}

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
        batch: &[Incoming],
    ) -> impl Future<Output = Result<Vec<Outcome>, Surroundings>> + Send;

    /// Notes that a message is given up; a dead letter that says why is safe with the broker.
    ///
    /// # Errors
    ///
    /// Where that could not be noted; it is tried again.
    fn given_up(
        &self,
        message: &Incoming,
        failure: &Failure,
    ) -> impl Future<Output = Result<(), Surroundings>> + Send;

    /// Whether the surroundings answer at all: the difference between a server that is away and a
    /// batch that it cannot stand.
    fn surroundings_answer(&self) -> impl Future<Output = bool> + Send;
}

/// Consumes one queue, over a connection of its own, for as long as the program runs.
pub struct Consumer<W> {
    /// What is done with the messages.
    pub work: Arc<W>,
    /// Where they come from.
    pub queue: String,
    /// How to reach the broker.
    pub broker: BrokerSettings,
    /// How messages are taken.
    pub settings: ConsumerSettings,
    /// For dead letters and deferrals.
    pub publisher: Publisher,
    /// Where those go.
    pub router: Router,
    /// Told whether messages are being taken.
    pub links: Arc<Links>,
}

impl<W: Work> Consumer<W> {
    /// Consumes until `stop` is cancelled and what is in flight is finished. Connections that die
    /// are replaced by others.
    pub async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let end = Self::consume_once(&this, &stop, &mut backoff).await;
            this.links.set_consuming(false);
            match end {
                Ok(End::Stopped) => return,
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
                    "consumer lost its connection to RabbitMQ"
                ),
                Err(error) => tracing::warn!(
                    queue = this.queue,
                    error = format!("{error:#}"),
                    "cannot consume; trying again"
                ),
            }
            stop.run_until_cancelled(backoff.pause()).await;
        }
    }

    async fn consume_once(
        this: &Arc<Self>,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> anyhow::Result<End> {
        let opening = async {
            let connection = connect(&this.broker, "tidings-worker: consuming").await?;
            // Drift is warned about once, by the publisher's connection.
            declare(&connection, &Topology::of(&this.broker)).await?;
            let session = Session::open(&connection, Arc::clone(this), stop).await?;
            anyhow::Ok((connection, session))
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else {
            return Ok(End::Stopped);
        };
        let (connection, session) = opened?;
        tracing::info!(queue = this.queue, "consuming");
        this.links.set_consuming(true);
        backoff.reset();
        let end = session.run(&connection, stop).await;
        // Whatever was not settled goes back to the queue by this.
        let closing = connection.close(200, "done".into());
        let _ = tokio::time::timeout(session::PATIENCE, closing).await;
        Ok(end)
    }

    async fn until_surroundings_answer(&self) {
        let mut backoff = Backoff::new();
        while !self.work.surroundings_answer().await {
            backoff.pause().await;
        }
    }
}
