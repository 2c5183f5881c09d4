//! Outages of RabbitMQ and the recovery from them. Each test has its own broker.

mod accepting;
mod alarm;
mod batches;
mod cluster;
mod frozen;
mod idempotency;
mod killed;
mod liveness;
mod message_size;
mod start_without_servers;
mod stopped;
mod two_clones;

use std::ops::RangeInclusive;
use std::time::Instant;

use tidings_tests::{Client, Load, Pace, PrivateServer, Program, ServerKind, ServerUrls, World};
use tidings_tests::{eventually, eventually_ok, secs};

/// A running installation. Fields are dropped in this order.
struct PrivateBrokerInstallation {
    api: Program,
    worker: Program,
    world: World,
    broker: PrivateServer,
    began: Instant,
}

impl PrivateBrokerInstallation {
    async fn start(more: &[(&str, &str)]) -> Self {
        let broker = PrivateServer::reused(ServerKind::RabbitMq).await;
        // A message that used an attempt would not be recorded in time.
        let mut settings = vec![
            ("RETRY_BASE_DELAY_MS", "600000"),
            // Most tests are about the broker alone.
            ("ACCEPT_WITHOUT_BROKER", "false"),
        ];
        settings.extend(more);
        let world = World::on(&broker.among(ServerUrls::shared()), &settings).await;
        let (api, worker) = tokio::join!(world.api(), world.worker());
        Self {
            api,
            worker,
            world,
            broker,
            began: Instant::now(),
        }
    }

    /// Posts from each of `posters` at this pace, and waits until the broker may be killed.
    async fn load(&self, posters: usize, pace: Pace) -> Load {
        let load = Load::start(&self.api, self.world.user, posters, pace);
        load.until_accepted(secs(60), 200).await;
        self.until_settled().await;
        load
    }

    /// Waits until the broker may be killed. A queue survives a kill of the only node only if it was declared 2 s
    /// before, and RabbitMQ reports no event at that point, so the age of the queues is all that can be waited for.
    async fn until_settled(&self) {
        eventually(secs(10), "the queues are settled", async || {
            self.began.elapsed() > secs(3)
        })
        .await;
    }

    fn probes(&self) -> [Client; 2] {
        [&self.api, &self.worker].map(|program| program.client().anonymous())
    }

    /// Waits until both programs report that the broker is down.
    async fn until_disconnected(&self) {
        for probes in self.probes() {
            until_disconnected(&probes).await;
        }
    }

    /// Checks that both programs reconnect within 10 seconds of the broker's start, and that the API accepts
    /// again.
    async fn assert_recovers(&self, load: &Load) {
        let [api, worker] = self.probes();
        tokio::join!(
            load.until_accepted(secs(10), 50),
            until_ready(&api),
            until_ready(&worker),
        );
    }

    /// Checks that everything that was accepted is recorded once, and that both programs stop with 0.
    async fn assert_recorded_once(&mut self, load: Load) -> tidings_tests::Posted {
        let posted = load.stop().await;
        posted
            .assert_recorded_once(&self.world, &mut self.worker)
            .await;
        self.api.stop().await;
        posted
    }
}

async fn until_disconnected(probes: &Client) {
    eventually_ok(secs(30), "the outage is reported", async || {
        let health = probes.get("/health").await;
        (health.body["rabbitmq"] == "disconnected")
            .then_some(())
            .ok_or(health.text)
    })
    .await;
    let health = probes.get("/health").await;
    assert_eq!(
        (health.status, health.body["status"].as_str()),
        (503, Some("unhealthy"))
    );
    assert_eq!(health.body["rabbitmq"], "disconnected");
    assert_eq!(health.body["database"], "connected");
    assert_eq!(probes.get("/ready").await.status, 503);
    assert_eq!(probes.get("/live").await.status, 200);
}

/// Waits until the series of a metric that have `labels` have this sum.
async fn until_exported(program: &Program, name: &str, labels: &[&str], sum: RangeInclusive<u64>) {
    eventually_ok(secs(30), name, async || {
        let metrics = program.metrics().await;
        sum.contains(&metrics.sum(name, labels))
            .then_some(())
            .ok_or(metrics.0)
    })
    .await;
}

async fn until_ready(probes: &Client) {
    eventually_ok(secs(10), "the program is ready again", async || {
        let ready = probes.get("/ready").await;
        (ready.status == 200).then_some(()).ok_or(ready.text)
    })
    .await;
}
