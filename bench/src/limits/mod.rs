//! What the parts can do alone, on this machine, with the same bytes: what the whole is measured by.

mod inserts;
mod messages;

use std::net::SocketAddr;

use anyhow::ensure;
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, Scratch};
use tokio::time::Instant;

use crate::figure::per_second;
use crate::load::{Bodies, Load, Target};
use crate::people::People;
use crate::progress::bar;
pub(crate) use inserts::insert;
use messages::Messages;

/// What is measured, and with how much.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Messages, rows and requests for each part.
    pub count: u64,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Unconfirmed publishes at once, and connections of the load.
    pub connections: usize,
}

/// An API whose publishing is replaced by an immediate yes.
#[derive(Clone, Debug)]
pub struct Unpublished {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it takes.
    pub token: String,
}

/// How many notifications a second each part can do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// (p) Confirmed persistent publishes to a quorum queue.
    pub publish: f64,
    /// The time that a single one takes at p50 when nothing else is going on, in milliseconds.
    pub publish_p50_ms: f64,
    /// (q) Publishing and consuming at once.
    pub publish_and_consume: f64,
    /// (c) Consuming and acknowledging.
    pub consume: f64,
    /// (i) The intake's own INSERT.
    pub insert: f64,
    /// (h) The load against the API without its broker, where there is one.
    pub http: Option<f64>,
}

impl Limits {
    /// The ideal of accepting: 1/(1/p + 1/h).
    #[must_use]
    pub fn accepting(&self) -> Option<f64> {
        Some(together(&[self.publish, self.http?]))
    }

    /// The ideal of the whole pipeline: 1/(1/q + 1/i + 1/h).
    #[must_use]
    pub fn recording(&self) -> Option<f64> {
        Some(together(&[
            self.publish_and_consume,
            self.insert,
            self.http?,
        ]))
    }

    /// The ideal of the batch endpoint: 1/(1/q + 1/i).
    #[must_use]
    pub fn batches(&self) -> f64 {
        together(&[self.publish_and_consume, self.insert])
    }

    /// The ideal of draining a queue: 1/(1/c + 1/i).
    #[must_use]
    pub fn draining(&self) -> f64 {
        together(&[self.consume, self.insert])
    }
}

/// The rate of several parts that share the machine: their costs add up.
fn together(rates: &[f64]) -> f64 {
    1.0 / rates.iter().map(|rate| 1.0 / rate).sum::<f64>()
}

/// Measures all parts.
///
/// # Errors
///
/// Where a server is away or refuses.
pub async fn measure(
    plan: Plan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
    unpublished: Option<&Unpublished>,
) -> anyhow::Result<Limits> {
    let scratch = Scratch::create(database).await?;
    let measured = measure_in(&scratch, plan, broker, unpublished).await;
    scratch.discard().await?;
    measured
}

async fn measure_in(
    scratch: &Scratch,
    plan: Plan,
    broker: &BrokerSettings,
    unpublished: Option<&Unpublished>,
) -> anyhow::Result<Limits> {
    let people = People::make(&scratch.database).await?;
    let bodies = Bodies::new(people.ids(), plan.payload_bytes);
    let messages = Messages::declare(broker, bodies.clone()).await?;
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

/// The parts that are RabbitMQ's; the others are left at 0.
async fn with_broker(messages: &Messages, plan: Plan) -> anyhow::Result<Limits> {
    let Plan {
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

async fn without_broker(api: &Unpublished, plan: Plan, bodies: Bodies) -> anyhow::Result<f64> {
    let target = Target::new(api.address, "/api/notifications", &api.token)?;
    let progress = bar(plan.count, "posting without a broker");
    let load = Load {
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
