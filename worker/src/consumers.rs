//! Builds what works in this process: a consumer for the intake, for each kind of event and for each channel that it serves,
//! and the scheduler.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tidings_broker::{
    BrokerSettings, ConsumerConnections, EventKind, MessageFactory, Publisher, Stage, WakePublisher,
};
use tidings_db::{ControlState, Database};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connectivity::Connectivity;
use crate::consumer::{BatchProcessor, Consumer, ConsumerOptions, FlowControl};
use crate::delivery::{Deliveries, Delivery, DeliveryChannel};
use crate::events::{Events, UserDeletions};
use crate::intake::Intake;
use crate::jobs::JobRunner;
use crate::retention::Retention;
use crate::scheduler::Scheduler;
use crate::settings::WorkerSettings;

/// How many events of a kind a worker holds. Their bodies are those of other programs, so it is no more than a batch in work
/// and the next one.
const EVENT_PREFETCH: u16 = 64;

/// See [`ConsumerOptions::ack_delay`]. A slow send does not keep the acknowledgements of others for longer than RabbitMQ or a
/// reader of the queue's depth would notice.
const DELIVERY_ACK_DELAY: Duration = Duration::from_millis(5);

/// Starts a consumer or the scheduler, which runs until the token is cancelled.
pub type StartConsumer = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// What all consumers share.
pub struct Consumers<'a> {
    /// The settings of the broker.
    pub broker: &'a BrokerSettings,
    /// The connections that consume.
    pub connections: Arc<ConsumerConnections>,
    /// Publishes deliveries, dead letters and deferred messages.
    pub publisher: Publisher,
    /// Announces new in-app notifications.
    pub wakes: WakePublisher,
    /// Records which consumers are connected.
    pub connectivity: Arc<Connectivity>,
    /// Which channels are stopped.
    pub control: Arc<ControlState>,
}

impl Consumers<'_> {
    /// Builds a consumer for each stage that this process serves.
    pub fn all(
        &self,
        settings: &WorkerSettings,
        database: &Database,
        deliveries: Deliveries,
    ) -> Vec<StartConsumer> {
        let mut consumers = Vec::new();
        if settings.stages.intake {
            let message_factory = MessageFactory::new(self.broker);
            let intake = Intake::new(
                database.clone(),
                self.publisher.clone(),
                message_factory,
                self.wakes.clone(),
                settings.scheduler.default_timezone.clone(),
            );
            let flow_control = Arc::default();
            let stage = Stage::Intake;
            consumers.push(self.consumer(settings, stage, intake, settings.intake, flow_control));
        }
        if settings.stages.events {
            consumers.extend(EventKind::ALL.map(|kind| self.events(settings, database, kind)));
        }
        if settings.stages.scheduler {
            let scheduler = Scheduler::new(
                database.clone(),
                self.publisher.clone(),
                MessageFactory::new(self.broker),
                self.wakes.clone(),
                Arc::clone(&self.control),
                settings.scheduler.clone(),
            );
            consumers.push(Box::new(|stop| Box::pin(scheduler.run(stop))));
            let jobs = JobRunner::new(
                database.clone(),
                self.publisher.clone(),
                self.wakes.clone(),
                self.broker.clone(),
                settings.scheduler.publish_timeout,
            );
            consumers.push(Box::new(|stop| Box::pin(jobs.run(stop))));
            let retention = Retention::new(
                database.clone(),
                self.broker.clone(),
                settings.retention,
                settings.audit,
            );
            consumers.push(Box::new(|stop| Box::pin(retention.run(stop))));
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

    fn events(
        &self,
        settings: &WorkerSettings,
        database: &Database,
        kind: EventKind,
    ) -> StartConsumer {
        let options = ConsumerOptions {
            prefetch: EVENT_PREFETCH,
            batch_size: usize::from(EVENT_PREFETCH) / 2,
            concurrency: 1,
            interval: Duration::ZERO,
            ack_delay: None,
        };
        let stage = Stage::Event(kind);
        if kind == EventKind::UserDelete {
            let deletions = UserDeletions::new(database.clone(), settings.events.clone());
            return self.consumer(settings, stage, deletions, options, Arc::default());
        }
        let events = Events::new(
            kind,
            database.clone(),
            self.publisher.clone(),
            MessageFactory::new(self.broker),
            settings.events.clone(),
            Arc::clone(&self.control),
        );
        self.consumer(settings, stage, events, options, Arc::default())
    }

    fn delivery<C: DeliveryChannel>(
        &self,
        settings: &WorkerSettings,
        delivery: Delivery<C>,
    ) -> StartConsumer {
        let channel = Delivery::<C>::CHANNEL;
        let concurrency = *settings.delivery.concurrency.get(channel);
        let waiting = u16::try_from(delivery.max_long_sends()).unwrap_or(u16::MAX);
        let options = ConsumerOptions {
            // More than the concurrency: results are recorded after their sends have given their places to the next
            // messages, and many messages at a time can be deferred without being sent. Messages whose sends only wait
            // for answers must not keep others away.
            prefetch: concurrency.saturating_mul(4).saturating_add(waiting),
            batch_size: 1,
            concurrency: concurrency.into(),
            interval: Duration::ZERO,
            ack_delay: Some(DELIVERY_ACK_DELAY),
        };
        let flow_control = Arc::clone(delivery.state().flow_control());
        self.consumer(
            settings,
            Stage::Delivery(channel),
            delivery,
            options,
            flow_control,
        )
    }

    fn consumer<P: BatchProcessor>(
        &self,
        settings: &WorkerSettings,
        stage: Stage,
        processor: P,
        options: ConsumerOptions,
        flow_control: Arc<FlowControl>,
    ) -> StartConsumer {
        let queue = stage.queue(&self.broker.names);
        let message_factory =
            MessageFactory::new(self.broker).keeping_sensitive_for(settings.retention.sensitive);
        let consumer = Consumer {
            processor: Arc::new(processor),
            options,
            flow_control,
            max_retries: self.broker.max_retries.of(stage),
            connections: Arc::clone(&self.connections),
            publisher: self.publisher.clone(),
            message_factory: match stage {
                Stage::Event(_) => message_factory.naming_stage(stage),
                Stage::Intake | Stage::Delivery(_) => message_factory,
            },
            connectivity: self.connectivity.consumer(&queue),
            batches: TaskTracker::new(),
            queue,
        };
        Box::new(move |stop| Box::pin(consumer.run(stop)))
    }
}
