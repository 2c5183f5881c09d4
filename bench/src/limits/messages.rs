//! What RabbitMQ can do with messages like ours: the bare client library, one connection to publish
//! and one to consume, and nothing else.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use jiff::Timestamp;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};
use serde_json::value::RawValue;
use tidings_broker::BrokerSettings;
use tidings_broker::{Outgoing, Router, Topology, connect, declare};
use tidings_domain::notification::{Channel as By, MessageId, Notification};
use tokio::time::Instant;
use uuid::Uuid;

use crate::latency::Latencies;
use crate::load::Bodies;
use crate::topology;

/// Messages that a consumer acknowledges at once.
const ACK_EVERY: u64 = 100;

/// Messages that a consumer may be sent ahead.
const PREFETCH: u16 = 1000;

/// Queues and exchanges like those of an installation, for a while.
pub struct Messages {
    settings: BrokerSettings,
    router: Router,
    bodies: Bodies,
}

impl Messages {
    /// Declares them beside those of the installation.
    ///
    /// # Errors
    ///
    /// Where RabbitMQ is away or refuses.
    pub async fn declare(settings: &BrokerSettings, bodies: Bodies) -> anyhow::Result<Self> {
        let settings = topology::apart(settings);
        let connection = connect(&settings, "tidings bench").await?;
        declare(&connection, &Topology::of(&settings)).await?;
        end(&connection).await;
        Ok(Self {
            router: Router::new(&settings),
            settings,
            bodies,
        })
    }

    /// Deletes them.
    ///
    /// # Errors
    ///
    /// Where RabbitMQ is away.
    pub async fn delete(self) -> anyhow::Result<()> {
        topology::delete(&self.settings).await
    }

    /// Publishes `count` messages, at most `in_flight` of them unconfirmed, on as many channels as an
    /// installation does. Returns how long each waited for its confirm, and how long all took.
    ///
    /// # Errors
    ///
    /// Where one is not confirmed.
    pub async fn publish(
        &self,
        count: u64,
        in_flight: usize,
        progress: &ProgressBar,
    ) -> anyhow::Result<(Latencies, Duration)> {
        let connection = connect(&self.settings, "tidings bench: publishing").await?;
        let channels = usize::from(self.settings.publish_channels).min(in_flight);
        let mut publishing = Vec::new();
        for nth in 0..channels {
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            let share = count / channels as u64;
            let first = share * nth as u64;
            let lane = Lane {
                messages: self,
                channel,
                in_flight: in_flight / channels,
                progress: progress.clone(),
            };
            publishing.push(async move { lane.publish(first..first + share).await });
        }
        let began = Instant::now();
        let mut latencies = Latencies::default();
        for lane in futures_util::future::try_join_all(publishing).await? {
            latencies.add(lane);
        }
        let took = began.elapsed();
        end(&connection).await;
        Ok((latencies, took))
    }

    /// Consumes and acknowledges `count` messages. Returns how long that took from the first.
    ///
    /// # Errors
    ///
    /// Where the consumer dies.
    pub async fn consume(&self, count: u64, progress: &ProgressBar) -> anyhow::Result<Duration> {
        let connection = connect(&self.settings, "tidings bench: consuming").await?;
        let channel = connection.create_channel().await?;
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        let queue = self.settings.names.queue.as_str().into();
        let options = BasicConsumeOptions::default();
        let mut deliveries = channel
            .basic_consume(queue, "".into(), options, FieldTable::default())
            .await?;
        let mut began = None;
        for nth in 1..=count {
            let delivery = deliveries.next().await.context("the consumer ended")??;
            began.get_or_insert_with(Instant::now);
            if nth % ACK_EVERY == 0 || nth == count {
                let multiple = BasicAckOptions { multiple: true };
                channel.basic_ack(delivery.delivery_tag, multiple).await?;
                progress.inc(ACK_EVERY);
            }
        }
        let took = began.map_or(Duration::ZERO, |began| began.elapsed());
        // The channel first, so that the broker works off the acknowledgements.
        channel.close(200, "done".into()).await?;
        end(&connection).await;
        Ok(took)
    }

    /// A message as the API would publish it.
    fn message(&self, number: u64) -> anyhow::Result<Outgoing> {
        let notification = notification(&self.bodies, number)?;
        // As long as the ids that the API makes.
        Ok(self
            .router
            .intake(&notification, &Uuid::now_v7().to_string()))
    }
}

/// An in-app notification as the API would make it.
pub fn notification(bodies: &Bodies, number: u64) -> anyhow::Result<Notification> {
    Ok(Notification {
        message_id: MessageId::generate(),
        user_id: bodies.user(number),
        channel: By::InApp,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string(bodies.payload(number))?,
        template: None,
    })
}

/// One channel that publishes.
struct Lane<'a> {
    messages: &'a Messages,
    channel: Channel,
    in_flight: usize,
    progress: ProgressBar,
}

impl Lane<'_> {
    async fn publish(&self, numbers: std::ops::Range<u64>) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::default();
        let mut confirms = FuturesUnordered::new();
        for number in numbers {
            if confirms.len() >= self.in_flight
                && let Some(took) = confirms.next().await
            {
                latencies.note(took?);
                self.progress.inc(1);
            }
            let began = Instant::now();
            let out = self.messages.message(number)?;
            let confirm = self
                .channel
                .basic_publish(
                    out.exchange().clone(),
                    out.routing_key().clone(),
                    BasicPublishOptions::default(),
                    out.body(),
                    out.properties().clone(),
                )
                .await?;
            confirms.push(confirmed(confirm, began));
        }
        while let Some(took) = confirms.next().await {
            latencies.note(took?);
            self.progress.inc(1);
        }
        Ok(latencies)
    }
}

/// Ends a connection. Its channels may be closing by themselves, which is an error to the library.
async fn end(connection: &Connection) {
    let _ = connection.close(200, "done".into()).await;
}

async fn confirmed(confirm: PublisherConfirm, began: Instant) -> anyhow::Result<Duration> {
    let confirm = confirm.await?;
    ensure!(
        matches!(confirm, Confirmation::Ack(_)),
        "RabbitMQ refused a message"
    );
    Ok(began.elapsed())
}
