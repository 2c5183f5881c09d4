//! Outages of PostgreSQL and the recovery from them, and TLS. Each test has its own PostgreSQL.

mod frozen;
mod idempotency;
mod killed;
mod rate_limits;
mod stopped;
mod tls;

use std::time::Duration;

use tidings_tests::{
    Client, Load, Pace, PostOutcome, PrivateServer, Program, ServerKind, ServerUrls, World,
};
use tidings_tests::{eventually_ok, secs};

/// A running installation. Fields are dropped in this order.
struct PrivatePostgresInstallation {
    api: Program,
    worker: Program,
    world: World,
    postgres: PrivateServer,
}

impl PrivatePostgresInstallation {
    async fn start() -> Self {
        let postgres = PrivateServer::new(ServerKind::Postgres).await;
        // A message that used an attempt would not be recorded in time.
        let settings = [("RETRY_BASE_DELAY_MS", "600000")];
        let world = World::on(&postgres.among(ServerUrls::shared()), &settings).await;
        let (api, worker) = tokio::join!(world.api(), world.worker());
        Self {
            api,
            worker,
            world,
            postgres,
        }
    }

    /// Posts from each of `posters` at this pace.
    async fn load(&self, posters: usize, pace: Pace) -> Load {
        let load = Load::start(&self.api, self.world.user, posters, pace);
        load.until_accepted(secs(60), 200).await;
        load
    }

    /// Waits until both programs report that the database is down.
    async fn until_disconnected(&self) {
        for program in [&self.api, &self.worker] {
            let probes = program.client().anonymous();
            eventually_ok(secs(20), "the outage is reported", async || {
                let health = probes.get("/health").await;
                (health.body["database"] == "disconnected")
                    .then_some(())
                    .ok_or(health.text)
            })
            .await;
        }
        self.assert_disconnected().await;
    }

    /// Checks that the worker is not ready, and that the API still accepts.
    async fn assert_disconnected(&self) {
        for (program, ready) in [(&self.api, 200), (&self.worker, 503)] {
            let probes = program.client().anonymous();
            let health = probes.get("/health").await;
            assert_eq!(health.status, 503, "{}", health.text);
            assert_eq!(health.body["database"], "disconnected");
            assert_eq!(probes.get("/ready").await.status, ready);
            assert_eq!(probes.get("/live").await.status, 200);
        }
    }

    /// Waits until the worker has tried to record messages `times` times and failed because of the database:
    /// more often than a message has attempts. Both programs must report the outage all the time.
    async fn until_tried(&self, limit: Duration, times: usize) {
        let logs = self.worker.logs();
        eventually_ok(limit, "the worker tries", async || {
            self.assert_disconnected().await;
            let tried = logs.count("messages are held");
            (tried >= times).then_some(()).ok_or(tried)
        })
        .await;
    }

    /// Checks that the worker reconnects within 10 seconds of the database's start, and records again.
    async fn assert_recovers(&self) {
        let before = self.count().await.unwrap_or(i64::MAX);
        let recording = eventually_ok(secs(10), "the worker records again", async || {
            match self.count().await {
                Ok(now) if now > before => Ok(()),
                Ok(_) => Err("nothing new is recorded".to_owned()),
                Err(error) => Err(error),
            }
        });
        let worker = self.worker.client().anonymous();
        tokio::join!(recording, until_ready(&worker));
    }

    async fn count(&self) -> Result<i64, String> {
        let count = self.world.database.try_count("true").await;
        count.map_err(|error| error.to_string())
    }

    /// Checks that everything was accepted and is recorded once, that no message has used an attempt, and that both
    /// programs stop with 0.
    async fn assert_all_recorded_once(&mut self, load: Load) {
        let posted = load.stop().await;
        for reply in [PostOutcome::Refused, PostOutcome::Nothing] {
            assert_eq!(posted.count(reply), 0, "{reply:?}");
        }
        let scrape = self.worker.metrics().await;
        for name in [
            "tidings_messages_retried_total",
            "tidings_messages_dead_lettered_total",
        ] {
            assert_eq!(scrape.sum(name, &[]), 0, "{name}");
        }
        posted
            .assert_recorded_once(&self.world, &mut self.worker)
            .await;
        self.api.stop().await;
    }
}

async fn until_ready(probes: &Client) {
    eventually_ok(secs(10), "the worker is ready again", async || {
        let ready = probes.get("/ready").await;
        (ready.status == 200).then_some(()).ok_or(ready.text)
    })
    .await;
}
