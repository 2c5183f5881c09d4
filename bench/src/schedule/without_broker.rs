//! How many notifications a second the API accepts while RabbitMQ is away.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tidings_db::{Database, notifications, scheduler_heartbeats};
use tokio::net::TcpSocket;
use tokio::time::sleep;
use uuid::Uuid;

use super::posting::PostedByChannel;
use super::{Phases, SchedulePlan};
use crate::delivery::Receiver;
use crate::environment::Environment;
use crate::latency::{Latencies, Summary};
use crate::programs::EnvVars;
use crate::statistics::per_second;

/// How often this program records a heartbeat of a scheduler. The API relies on one that is less than a minute old.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// Notifications that were posted while RabbitMQ was away.
#[derive(Clone, Debug, Serialize)]
pub struct WithoutBrokerReport {
    /// Posted notifications.
    pub count: u64,
    /// Accepted notifications.
    pub accepted: u64,
    /// Notifications with any other response.
    pub refused: u64,
    /// Notifications without a response.
    pub unanswered: u64,
    /// Rate from the first POST to the last response.
    pub accepted_per_second: f64,
    /// Latency from POST to the response, in milliseconds.
    pub accepted_ms: Option<Summary>,
    /// Rows in the table.
    pub recorded: u64,
}

/// Posts to an API whose RabbitMQ refuses connections.
///
/// # Errors
///
/// Returns an error if PostgreSQL or the API fails.
pub(super) async fn measure(
    plan: &SchedulePlan,
    environment: &mut Environment,
    receiver: &Receiver,
) -> anyhow::Result<WithoutBrokerReport> {
    let (_socket, address) = closed_port()?;
    let url = format!("amqp://nobody:nothing@{address}/%2f");
    environment.set(EnvVars::from([("RABBITMQ_URL", url)]));
    let scheduler = Uuid::new_v4();
    let database = environment.scratch.database.clone();
    // The API is ready only if a scheduler runs.
    beat(&database, scheduler).await?;
    let phases = Phases::of(plan, environment, receiver);
    tokio::select! {
        measured = phases.without_broker() => measured,
        failed = keep_beating(&database, scheduler) => match failed? {},
    }
}

impl Phases<'_> {
    async fn without_broker(&self) -> anyhow::Result<WithoutBrokerReport> {
        let api = self.queue.api().await?;
        let users = self.users().await?;
        let posting = self.posting(&api, &users, self.plan.channels());
        let posted = posting.post(self.plan.count, 1, None).await?;
        api.stop().await?;
        let database = &self.queue.environment.scratch.database;
        let recorded = database
            .run(async |client| notifications::count_of_users(client, users.ids()).await)
            .await
            .context("PostgreSQL is unavailable")?;
        Ok(WithoutBrokerReport::of(self.plan.count, posted, recorded))
    }
}

impl WithoutBrokerReport {
    fn of(count: u64, posted: PostedByChannel, recorded: u64) -> Self {
        let (mut accepted, mut refused, mut unanswered) = (0, 0, 0);
        let (mut latencies, mut took) = (Latencies::default(), Duration::ZERO);
        for (_, load) in posted {
            accepted += load.accepted.len() as u64;
            refused += load.refused;
            unanswered += load.unanswered;
            // All loads begin at the same time.
            took = took.max(load.took);
            latencies.add(load.latencies);
        }
        Self {
            count,
            accepted,
            refused,
            unanswered,
            accepted_per_second: per_second(accepted, took),
            accepted_ms: latencies.summary(),
            recorded,
        }
    }

    /// Notifications that were not accepted, and rows that are missing or doubled.
    pub(super) const fn wrong(&self) -> u64 {
        self.count.abs_diff(self.accepted) + self.accepted.abs_diff(self.recorded)
    }
}

/// A port of this machine that refuses connections. Nothing else can use it while the socket is open.
fn closed_port() -> anyhow::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    // Bound, but not listening.
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Never returns unless PostgreSQL fails.
async fn keep_beating(database: &Database, scheduler: Uuid) -> anyhow::Result<Infallible> {
    loop {
        sleep(HEARTBEAT_INTERVAL).await;
        beat(database, scheduler).await?;
    }
}

/// Records a heartbeat in place of a worker, which cannot start without RabbitMQ.
async fn beat(database: &Database, scheduler: Uuid) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    database
        .run(async |client| scheduler_heartbeats::beat(client, scheduler, version).await)
        .await
        .context("PostgreSQL is unavailable")
}
