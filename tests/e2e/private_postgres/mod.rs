//! What happens when PostgreSQL goes away, and how all is as before once it is back (promises 4 and
//! 5), and TLS, which takes a server of one's own. Each test has a PostgreSQL of its own.

mod frozen;
mod killed;
mod stopped;
mod tls;

use std::time::Duration;

use tidings_tests::{Client, Load, PrivateServer, Program, Reply, Server, Servers, World};
use tidings_tests::{eventually_ok, secs};

/// An installation at work. What is dropped first stands first.
struct Installation {
    api: Program,
    worker: Program,
    world: World,
    postgres: PrivateServer,
}

impl Installation {
    async fn start() -> Self {
        let postgres = PrivateServer::new(Server::Postgres).await;
        // A message that lost an attempt would not be recorded in time.
        let settings = [("RETRY_BASE_DELAY_MS", "600000")];
        let world = World::on(&postgres.among(Servers::shared()), &settings).await;
        let (api, worker) = tokio::join!(world.api(), world.worker());
        Self {
            api,
            worker,
            world,
            postgres,
        }
    }

    /// Posts at most 50 times a second from each of `posters`.
    async fn load(&self, posters: usize) -> Load {
        let load = Load::start(&self.api, self.world.user, posters);
        load.until_accepted(secs(60), 200).await;
        load
    }

    /// Waits until both programs say that the database is away.
    async fn until_disconnected(&self) {
        for program in [&self.api, &self.worker] {
            let probes = program.client().anonymous();
            eventually_ok(secs(20), "the database's absence is told", async || {
                let health = probes.get("/health").await;
                (health.body["database"] == "disconnected")
                    .then_some(())
                    .ok_or(health.text)
            })
            .await;
        }
        self.assert_disconnected().await;
    }

    /// The worker can do nothing without its database; the API goes on accepting.
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

    /// The database is back: the worker must notice by itself, within 10 seconds, and record again.
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

    /// Everything was accepted and is recorded once, no message has lost an attempt, and both
    /// programs are still those that were started: they leave when they are told to.
    async fn assert_all_recorded_once(&mut self, load: Load) {
        let posted = load.stop().await;
        for reply in [Reply::Refused, Reply::Nothing] {
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
        self.api.leave().await;
    }
}

async fn until_ready(probes: &Client) {
    eventually_ok(secs(10), "it is ready again", async || {
        let ready = probes.get("/ready").await;
        (ready.status == 200).then_some(()).ok_or(ready.text)
    })
    .await;
}
