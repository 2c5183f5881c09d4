//! The limits of the parts: what RabbitMQ, PostgreSQL and HTTP can do alone on this machine, with the same bytes.

mod bare_client;
mod inserts;

use std::net::SocketAddr;

use anyhow::ensure;
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_broker::{BrokerSettings, Stage};
use tidings_db::{DatabaseSettings, TemporaryDatabase};
use tokio::time::Instant;

use crate::load::{ApiEndpoint, LoadPlan, RequestBodies};
use crate::progress::bar;
use crate::statistics::per_second;
use crate::test_users::TestUsers;
pub(crate) use bare_client::{BareClient, notification};
pub(crate) use inserts::insert;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct LimitsPlan {
    /// Messages, rows and requests for each part.
    pub count: u64,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Connections of the load; also the number of unconfirmed publishes.
    pub connections: usize,
}

/// An API that accepts notifications without publishing them.
#[derive(Clone, Debug)]
pub struct ApiWithoutBroker {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// A token that it accepts.
    pub token: String,
}

/// Notifications per second that each part can handle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// (p) Confirmed persistent publishes to a quorum queue.
    pub publish: f64,
    /// The latency of one confirmed publish at p50 without other load, in milliseconds.
    pub publish_p50_ms: f64,
    /// (q) Publishing and consuming at once.
    pub publish_and_consume: f64,
    /// (c) Consuming and acknowledging.
    pub consume: f64,
    /// (i) The INSERT of the intake.
    pub insert: f64,
    /// (h) HTTP: the load against the API without a broker, if there is one.
    pub http: Option<f64>,
}

impl Limits {
    /// The ideal rate of accepting: 1/(1/p + 1/h).
    #[must_use]
    pub fn accepting(&self) -> Option<f64> {
        Some(combined_rate(&[self.publish, self.http?]))
    }

    /// The ideal rate of the whole pipeline: 1/(1/q + 1/i + 1/h).
    #[must_use]
    pub fn recording(&self) -> Option<f64> {
        Some(combined_rate(&[
            self.publish_and_consume,
            self.insert,
            self.http?,
        ]))
    }

    /// The ideal rate of the batch endpoint: 1/(1/q + 1/i).
    #[must_use]
    pub fn batches(&self) -> f64 {
        combined_rate(&[self.publish_and_consume, self.insert])
    }

    /// The ideal rate of draining a queue: 1/(1/c + 1/i).
    #[must_use]
    pub fn draining(&self) -> f64 {
        combined_rate(&[self.consume, self.insert])
    }
}

/// The combined rate of parts that share the machine: their costs per notification add up.
pub(crate) fn combined_rate(rates: &[f64]) -> f64 {
    1.0 / rates.iter().map(|rate| 1.0 / rate).sum::<f64>()
}

/// Measures all parts.
///
/// # Errors
///
/// Returns an error if a server is unavailable or refuses.
pub async fn measure(
    plan: LimitsPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
    unpublished: Option<&ApiWithoutBroker>,
) -> anyhow::Result<Limits> {
    let scratch = TemporaryDatabase::create(database).await?;
    let measured = measure_in(&scratch, plan, broker, unpublished).await;
    scratch.discard().await?;
    measured
}

async fn measure_in(
    scratch: &TemporaryDatabase,
    plan: LimitsPlan,
    broker: &BrokerSettings,
    unpublished: Option<&ApiWithoutBroker>,
) -> anyhow::Result<Limits> {
    let users = TestUsers::create(&scratch.database).await?;
    let bodies = RequestBodies::new(users.ids(), plan.payload_bytes);
    let messages = BareClient::declare(broker, bodies.clone(), Stage::Intake).await?;
    let with_broker = with_broker(&messages, plan).await;
    messages.delete().await?;
    let with_broker = with_broker?;

    let progress = bar(plan.count, "inserting");
    let took = insert(&scratch.database, &bodies, plan.count, &progress).await?;
    progress.finish_and_clear();
    let http = match unpublished {
        Some(api) => Some(without_broker(api, plan, bodies).await?),
        None => None,
    };
    Ok(Limits {
        insert: per_second(plan.count, took),
        http,
        ..with_broker
    })
}

/// Measures RabbitMQ. The limits of the other parts are 0.
async fn with_broker(messages: &BareClient, plan: LimitsPlan) -> anyhow::Result<Limits> {
    let LimitsPlan {
        count, connections, ..
    } = plan;
    let progress = bar(count, "publishing");
    let (_, publishing) = messages.publish(count, connections, &progress).await?;
    progress.finish_and_clear();

    let progress = bar(count, "consuming");
    let consuming = messages.consume(count, &progress).await?;
    progress.finish_and_clear();

    let progress = bar(count, "publishing and consuming");
    let hidden = ProgressBar::hidden();
    let began = Instant::now();
    let (published, consumed) = tokio::join!(
        messages.publish(count, connections, &progress),
        messages.consume(count, &hidden),
    );
    published?;
    consumed?;
    let both = began.elapsed();
    progress.finish_and_clear();

    let few = (count / 50).max(200);
    let progress = bar(few, "publishing one by one");
    let (alone, _) = messages.publish(few, 1, &progress).await?;
    progress.finish_and_clear();
    Ok(Limits {
        publish: per_second(count, publishing),
        publish_p50_ms: alone.summary().map_or(0.0, |alone| alone.p50),
        publish_and_consume: per_second(count, both),
        consume: per_second(count, consuming),
        insert: 0.0,
        http: None,
    })
}

async fn without_broker(
    api: &ApiWithoutBroker,
    plan: LimitsPlan,
    bodies: RequestBodies,
) -> anyhow::Result<f64> {
    let target = ApiEndpoint::new(api.address, "/api/notifications", &api.token)?;
    let progress = bar(plan.count, "posting without a broker");
    let load = LoadPlan {
        count: plan.count,
        connections: plan.connections,
        batch: 1,
        rate: None,
    };
    let posted = load.post(&target, bodies, &progress).await?;
    progress.finish_and_clear();
    ensure!(
        posted.accepted.len() as u64 == plan.count,
        "the API without a broker did not accept everything: {} refused, {} unanswered",
        posted.refused,
        posted.unanswered
    );
    Ok(per_second(plan.count, posted.took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_of_parts_that_share_a_machine_add_up() {
        let limits = Limits {
            publish: 20.0,
            publish_p50_ms: 1.0,
            publish_and_consume: 10.0,
            consume: 40.0,
            insert: 40.0,
            http: Some(20.0),
        };
        let close = |rate: f64, expected: f64| (rate - expected).abs() < 1e-9;
        assert!(close(limits.accepting().expect("with http"), 10.0));
        assert!(close(limits.draining(), 20.0));
        assert!(close(limits.batches(), 8.0));
        assert!(close(limits.recording().expect("with http"), 1.0 / 0.175));
        let without = Limits {
            http: None,
            ..limits
        };
        assert_eq!((without.accepting(), without.recording()), (None, None));
    }
}
