//! The limits of RabbitMQ: the bare client library with messages like those of Tidings, one connection to
//! publish and one to consume.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_broker::BrokerSettings;
use tidings_broker::raw::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions,
};
use tidings_broker::raw::types::FieldTable;
use tidings_broker::raw::{Channel, Confirmation, PublisherConfirm};
use tidings_broker::{MessageFactory, Outgoing, Stage, Topology, connect, declare, disconnect};
use tidings_domain::notification::{MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::latency::Latencies;
use crate::load::RequestBodies;
use crate::scratch_topology;

/// Messages that the consumer acknowledges at once.
const ACK_EVERY: u64 = 100;

/// Unacknowledged messages that the broker sends to the consumer.
const PREFETCH: u16 = 1000;

/// The bare client library, with queues and exchanges like those of an installation.
pub struct BareClient {
    settings: BrokerSettings,
    message_factory: MessageFactory,
    bodies: RequestBodies,
    stage: Stage,
}

impl BareClient {
    /// Declares queues and exchanges with unique names, for the messages of `stage`.
    ///
    /// # Errors
    ///
    /// Returns an error if RabbitMQ is unavailable or refuses.
    pub async fn declare(
        settings: &BrokerSettings,
        bodies: RequestBodies,
        stage: Stage,
    ) -> anyhow::Result<Self> {
        let settings = scratch_topology::with_unique_names(settings);
        let connection = connect(&settings, "tidings-bench").await?;
        declare(&connection, &Topology::of(&settings)).await?;
        disconnect(&connection).await;
        Ok(Self {
            message_factory: MessageFactory::new(&settings),
            settings,
            bodies,
            stage,
        })
    }

    /// Deletes the queues and exchanges.
    ///
    /// # Errors
    ///
    /// Returns an error if RabbitMQ is unavailable.
    pub async fn delete(self) -> anyhow::Result<()> {
        scratch_topology::delete(&self.settings).await
    }

    /// Publishes `count` messages with at most `in_flight` unconfirmed, on as many channels as an
    /// installation uses. Returns the latency of each confirm and the time for all.
    ///
    /// # Errors
    ///
    /// Returns an error if a message is not confirmed.
    pub async fn publish(
        &self,
        count: u64,
        in_flight: usize,
        progress: &ProgressBar,
    ) -> anyhow::Result<(Latencies, Duration)> {
        let connection = connect(&self.settings, "tidings-bench: publishing").await?;
        let channels = usize::from(self.settings.publish_channels).min(in_flight);
        let mut publishing = Vec::new();
        for nth in 0..channels {
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            // Together exactly `count`, of which the consumer waits for each.
            let start_of = |nth: usize| count * nth as u64 / channels as u64;
            let numbers = start_of(nth)..start_of(nth + 1);
            let channel = PublishChannel {
                messages: self,
                channel,
                in_flight: in_flight / channels,
                progress: progress.clone(),
            };
            publishing.push(async move { channel.publish(numbers).await });
        }
        let began = Instant::now();
        let mut latencies = Latencies::default();
        for channel in futures_util::future::try_join_all(publishing).await? {
            latencies.add(channel);
        }
        let took = began.elapsed();
        disconnect(&connection).await;
        Ok((latencies, took))
    }

    /// Consumes and acknowledges `count` messages, as an installation does: those of the intake many at once, those of
    /// a delivery each by itself. Returns the time from the first to the last.
    ///
    /// # Errors
    ///
    /// Returns an error if the consumer is cancelled.
    pub async fn consume(&self, count: u64, progress: &ProgressBar) -> anyhow::Result<Duration> {
        let connection = connect(&self.settings, "tidings-bench: consuming").await?;
        let channel = connection.create_channel().await?;
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        let queue = self.stage.queue(&self.settings.names).as_str().into();
        let ack_every = match self.stage {
            Stage::Intake => ACK_EVERY,
            Stage::Delivery(_) | Stage::Event(_) => 1,
        };
        let options = BasicConsumeOptions::default();
        let mut deliveries = channel
            .basic_consume(queue, "".into(), options, FieldTable::default())
            .await?;
        let mut began = None;
        for nth in 1..=count {
            let delivery = deliveries.next().await.context("the consumer ended")??;
            began.get_or_insert_with(Instant::now);
            if nth % ack_every == 0 || nth == count {
                let options = BasicAckOptions {
                    multiple: ack_every > 1,
                };
                channel.basic_ack(delivery.delivery_tag, options).await?;
                progress.inc(ack_every);
            }
        }
        let took = began.map_or(Duration::ZERO, |began| began.elapsed());
        // Closing the channel waits until the broker has processed the acknowledgements.
        channel.close(200, "done".into()).await?;
        disconnect(&connection).await;
        Ok(took)
    }

    /// A message like those that the API or the intake publishes.
    fn message(&self, number: u64) -> anyhow::Result<Outgoing> {
        // As long as the request ids of the API.
        let request_id = Uuid::now_v7().to_string();
        Ok(match self.stage {
            Stage::Intake => {
                let notification = notification(&self.bodies, number)?;
                self.message_factory.intake(&notification, &request_id)
            }
            Stage::Delivery(channel) => {
                let id = MessageId::generate();
                self.message_factory
                    .delivery(channel, id, Some(&request_id))
            }
            Stage::Event(_) => anyhow::bail!("events are not measured"),
        })
    }
}

/// A notification like those that the API builds.
pub fn notification(bodies: &RequestBodies, number: u64) -> anyhow::Result<Notification> {
    Ok(Notification {
        message_id: MessageId::generate(),
        user_id: Some(bodies.user(number)),
        channel: bodies.channel(),
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string(bodies.payload(number))?,
        template: None,
        sender: Some("bench".to_owned()),
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: None,
        digest_key: None,
        trace: None,
    })
}

/// A channel that publishes.
struct PublishChannel<'a> {
    messages: &'a BareClient,
    channel: Channel,
    in_flight: usize,
    progress: ProgressBar,
}

impl PublishChannel<'_> {
    async fn publish(&self, numbers: std::ops::Range<u64>) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::default();
        let mut confirms = FuturesUnordered::new();
        for number in numbers {
            if confirms.len() >= self.in_flight
                && let Some(took) = confirms.next().await
            {
                latencies.record(took?);
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
                    &out.body(),
                    out.properties().clone(),
                )
                .await?;
            confirms.push(confirmed(confirm, began));
        }
        while let Some(took) = confirms.next().await {
            latencies.record(took?);
            self.progress.inc(1);
        }
        Ok(latencies)
    }
}

async fn confirmed(confirm: PublisherConfirm, began: Instant) -> anyhow::Result<Duration> {
    let confirm = confirm.await?;
    ensure!(
        matches!(confirm, Confirmation::Ack(_)),
        "RabbitMQ refused a message"
    );
    Ok(began.elapsed())
}
