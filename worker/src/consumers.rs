//! Builds the consumers of this process: one for the intake and one for each channel that it serves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tidings_broker::BrokerSettings;
use tidings_broker::{ConsumerConnections, MessageFactory, Publisher, Stage};
use tidings_db::Database;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connectivity::Connectivity;
use crate::consumer::{Consumer, Gate, Taking, Work};
use crate::delivery::{Deliveries, Delivery, DeliveryChannel};
use crate::intake::Intake;
use crate::settings::Settings;

/// Starts a consumer, which runs until the token is cancelled.
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
    /// Builds a consumer for each stage that this process serves.
    pub fn all(
        &self,
        settings: &Settings,
        database: &Database,
        deliveries: Deliveries,
    ) -> Vec<Start> {
        let mut consumers = Vec::new();
        if settings.stages.intake {
            let message_factory = MessageFactory::new(self.broker);
            let intake = Intake::new(database.clone(), self.publisher.clone(), message_factory);
            let gate = Arc::default();
            consumers.push(self.consumer(Stage::Intake, intake, settings.intake, gate));
        }
        let Deliveries {
            email,
            sms,
            push,
            webhook,
        } = deliveries;
        consumers.extend(email.map(|delivery| self.delivery(settings, delivery)));
        consumers.extend(sms.map(|delivery| self.delivery(settings, delivery)));
        consumers.extend(push.map(|delivery| self.delivery(settings, delivery)));
        consumers.extend(webhook.map(|delivery| self.delivery(settings, delivery)));
        consumers
    }

    fn delivery<C: DeliveryChannel>(&self, settings: &Settings, delivery: Delivery<C>) -> Start {
        let channel = Delivery::<C>::CHANNEL;
        let concurrency = *settings.delivery.concurrency.get(channel);
        let taking = Taking {
            // Twice the concurrency, so that the next messages are available as soon as a send ends.
            prefetch: concurrency.saturating_mul(2),
            batch_size: 1,
            concurrency: concurrency.into(),
            interval: Duration::ZERO,
            ack_each: true,
        };
        let gate = Arc::clone(delivery.state().gate());
        self.consumer(Stage::Delivery(channel), delivery, taking, gate)
    }

    fn consumer<W: Work>(&self, stage: Stage, work: W, taking: Taking, gate: Arc<Gate>) -> Start {
        let queue = stage.queue(&self.broker.names);
        let consumer = Consumer {
            work: Arc::new(work),
            taking,
            gate,
            max_retries: self.broker.max_retries.of(stage),
            connections: Arc::clone(&self.connections),
            publisher: self.publisher.clone(),
            message_factory: MessageFactory::new(self.broker),
            connectivity: self.connectivity.consumer(&queue),
            begun: TaskTracker::new(),
            queue,
        };
        Box::new(move |stop| Box::pin(consumer.run(stop)))
    }
}
