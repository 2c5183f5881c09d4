//! The consumers that a process needs: one for the intake and one for each channel that it serves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tidings_broker::BrokerSettings;
use tidings_broker::{ConsumerConnections, Destination, Publisher, Router};
use tidings_db::Database;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connectivity::Connectivity;
use crate::consumer::{Consumer, Gate, Taking, Work};
use crate::delivery::Delivery;
use crate::intake::Intake;
use crate::settings::Settings;

/// A consumer that waits to be told to run.
pub type Start = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// What all consumers share.
pub struct Consumers<'a> {
    /// How to reach the broker.
    pub broker: &'a BrokerSettings,
    /// For consuming.
    pub connections: Arc<ConsumerConnections>,
    /// For publishing.
    pub publisher: Publisher,
    /// Records which connections exist.
    pub connectivity: Arc<Connectivity>,
}

impl Consumers<'_> {
    /// A consumer for each stage that this process serves.
    pub fn all(
        &self,
        settings: &Settings,
        database: &Database,
        deliveries: Vec<Delivery>,
    ) -> Vec<Start> {
        let mut consumers = Vec::new();
        if settings.stages.intake {
            let router = Router::new(self.broker);
            let intake = Intake::new(database.clone(), self.publisher.clone(), router);
            let gate = Arc::default();
            consumers.push(self.consumer(Destination::Intake, intake, settings.intake, gate));
        }
        for delivery in deliveries {
            let channel = delivery.channel();
            let concurrency = *settings.delivery.concurrency.get(channel);
            let taking = Taking {
                // The next ones are at hand when a send ends.
                prefetch: concurrency.saturating_mul(2),
                batch_size: 1,
                concurrency: concurrency.into(),
                interval: Duration::ZERO,
                ack_each: true,
            };
            let gate = Arc::clone(delivery.state().gate());
            let destination = Destination::Delivery(channel);
            consumers.push(self.consumer(destination, delivery, taking, gate));
        }
        consumers
    }

    fn consumer<W: Work>(
        &self,
        destination: Destination,
        work: W,
        taking: Taking,
        gate: Arc<Gate>,
    ) -> Start {
        let queue = destination.queue(&self.broker.names);
        let consumer = Consumer {
            work: Arc::new(work),
            taking,
            gate,
            max_retries: self.broker.max_retries.of(destination),
            connections: Arc::clone(&self.connections),
            publisher: self.publisher.clone(),
            router: Router::new(self.broker),
            connectivity: self.connectivity.consumer(&queue),
            begun: TaskTracker::new(),
            queue,
        };
        Box::new(move |stop| Box::pin(consumer.run(stop)))
    }
}
