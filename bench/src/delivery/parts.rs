//! What the parts of a delivery can do alone: RabbitMQ, the product's provider, and PostgreSQL.

use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_broker::{BrokerSettings, Stage};
use tidings_db::{
    Database, DatabaseSettings, TemporaryDatabase, delivery_measurements, notifications,
};
use tidings_domain::notification::{MessageId, Notification};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::DeliveryPlan;
use super::receiver::Receiver;
use crate::limits::{BareClient, combined_rate, notification};
use crate::load::RequestBodies;
use crate::progress::bar;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Connections to PostgreSQL, and notifications in a batch.
const CONNECTIONS: usize = 4;
const BATCH: usize = 64;

/// Rows in a batch of the intake.
const INSERT_BATCH: usize = 256;

/// Messages per second that each part can handle alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DeliveryParts {
    /// (c) Consuming from the channel's queue, and acknowledging each message.
    pub consume: f64,
    /// (s) The product's provider, sending to the receiver of this program.
    pub send: f64,
    /// (u) Claiming rows, inserting attempts and recording outcomes, in batches.
    pub update: f64,
}

impl DeliveryParts {
    /// The ideal rate of delivering: 1/(1/c + 1/s + 1/u).
    #[must_use]
    pub fn ideal(&self) -> f64 {
        combined_rate(&[self.consume, self.send, self.update])
    }
}

/// Measures the parts, in queues and a database of their own.
///
/// # Errors
///
/// Returns an error if a server is unavailable, or a message is not delivered.
pub async fn measure_parts(
    plan: &DeliveryPlan,
    receiver: &Receiver,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<DeliveryParts> {
    let scratch = TemporaryDatabase::create(database).await?;
    let measured = measure_in(&scratch, plan, receiver, broker).await;
    scratch.discard().await?;
    measured
}

async fn measure_in(
    scratch: &TemporaryDatabase,
    plan: &DeliveryPlan,
    receiver: &Receiver,
    broker: &BrokerSettings,
) -> anyhow::Result<DeliveryParts> {
    let count = plan.count;
    let users = TestUsers::create(&scratch.database).await?;
    let bodies = RequestBodies::of(receiver.payload(), users.ids(), plan.system.payload_bytes);

    let stage = Stage::Delivery(receiver.channel());
    let messages = BareClient::declare(broker, bodies.clone(), stage).await?;
    let consuming = consume(&messages, count, plan.system.connections).await;
    messages.delete().await?;
    let consuming = consuming?;

    let progress = bar(count, "sending without a queue");
    let sending = receiver
        .send_alone(&bodies, count, plan.concurrency, &progress)
        .await?;
    progress.finish_and_clear();
    receiver.arrivals().take();

    let ids = insert(&scratch.database, &bodies, count).await?;
    let progress = bar(count, "claiming and recording");
    let updating = update(&scratch.database, &ids, receiver.provider(), &progress).await?;
    progress.finish_and_clear();
    Ok(DeliveryParts {
        consume: per_second(count, consuming),
        send: per_second(count, sending),
        update: per_second(count, updating),
    })
}

async fn consume(messages: &BareClient, count: u64, in_flight: usize) -> anyhow::Result<Duration> {
    let progress = bar(count, "publishing");
    messages.publish(count, in_flight, &progress).await?;
    progress.finish_and_clear();
    let progress = bar(count, "consuming");
    let took = messages.consume(count, &progress).await?;
    progress.finish_and_clear();
    Ok(took)
}

/// Inserts pending notifications. Returns their ids.
async fn insert(
    database: &Database,
    bodies: &RequestBodies,
    count: u64,
) -> anyhow::Result<Vec<MessageId>> {
    let progress = bar(count, "inserting");
    let all = (0..count).map(|number| notification(bodies, number));
    let all: Vec<Notification> = all.collect::<anyhow::Result<_>>()?;
    for batch in all.chunks(INSERT_BATCH) {
        let batch: Vec<&Notification> = batch.iter().collect();
        database
            .run(async |client| notifications::insert_batch(client, &batch).await)
            .await
            .context("PostgreSQL is unavailable")?;
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    Ok(all.iter().map(|one| one.message_id).collect())
}

/// Delivers the notifications without sending anything. Returns how long that took.
async fn update(
    database: &Database,
    ids: &[MessageId],
    provider: &'static str,
    progress: &ProgressBar,
) -> anyhow::Result<Duration> {
    let mut updating = JoinSet::new();
    let began = Instant::now();
    for share in ids.chunks(ids.len().div_ceil(CONNECTIONS)) {
        let (database, share, progress) = (database.clone(), share.to_vec(), progress.clone());
        updating.spawn(async move {
            for batch in share.chunks(BATCH) {
                let delivered = database
                    .run(async |client| {
                        delivery_measurements::deliver_batch(client, batch, provider).await
                    })
                    .await
                    .context("PostgreSQL is unavailable")?;
                ensure!(
                    delivered == batch.len() as u64,
                    "{delivered} of {} rows were recorded as delivered",
                    batch.len()
                );
                progress.inc(delivered);
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = updating.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costs_of_the_parts_add_up() {
        let parts = DeliveryParts {
            consume: 20.0,
            send: 10.0,
            update: 20.0,
        };
        assert!((parts.ideal() - 5.0).abs() < 1e-9);
    }
}
