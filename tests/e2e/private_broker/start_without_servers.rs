use std::time::Instant;

use serde_json::Value;
use tidings_db::migrations;
use tidings_domain::notification::{Channel, UserId};
use tidings_tests::{Client, EnvVars, PrivateServer, Program, ProgramKind, ServerKind, ServerUrls};
use tidings_tests::{TestDatabase, Vhost, eventually_ok, notification, secs, tokens};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_started_without_their_servers_become_ready_once_these_are_up() {
    let (broker, postgres) = tokio::join!(
        PrivateServer::new(ServerKind::RabbitMq),
        PrivateServer::new(ServerKind::Postgres)
    );
    let servers = postgres.among(broker.among(ServerUrls::shared()));
    let (database, vhost) = tokio::join!(TestDatabase::empty(&servers), Vhost::new(&servers));
    tokio::join!(broker.stop(), postgres.stop());

    let settings: EnvVars = [
        ("APP_ENV", "development"),
        ("JWT_SECRET", tokens::SECRET),
        ("DATABASE_URL", database.url()),
        ("RABBITMQ_URL", vhost.url()),
        ("SEED_DEMO_DATA", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let (mut api, mut worker) = tokio::join!(
        Program::start(ProgramKind::Api, settings.clone()),
        Program::start(ProgramKind::Worker, settings)
    );
    for program in [&api, &worker] {
        assert_servers_down(&program.client().anonymous()).await;
    }

    tokio::join!(broker.start(), postgres.start());
    let back = Instant::now();
    for program in [&api, &worker] {
        until_healthy(&program.client().anonymous(), back).await;
    }
    let pending = migrations::pending(&database.pool).await;
    assert_eq!(pending.expect("migrations"), [""; 0]);
    let testuser: UserId = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
        .parse()
        .expect("a UUID");
    let client = api.client();
    let id = client
        .post(&notification(testuser, Channel::InApp))
        .await
        .accepted();
    eventually_ok(secs(10), "the notification is processed", async || {
        let found = client.get(&format!("/api/notifications/{id}")).await;
        (found.body["status"] == "processed")
            .then_some(())
            .ok_or(found.text)
    })
    .await;
    // Both are the processes that were started at first.
    worker.stop().await;
    api.stop().await;
}

async fn assert_servers_down(probes: &Client) {
    let health = probes.get("/health").await;
    assert_eq!(health.status, 503);
    for server in ["database", "rabbitmq"] {
        assert_eq!(health.body[server], Value::from("disconnected"));
    }
    assert_eq!(probes.get("/ready").await.status, 503);
    assert_eq!(probes.get("/live").await.status, 200);
}

async fn until_healthy(probes: &Client, since: Instant) {
    let limit = secs(10).saturating_sub(since.elapsed());
    eventually_ok(limit, "the program is healthy and ready", async || {
        let (health, ready) = (probes.get("/health").await, probes.get("/ready").await);
        ([health.status, ready.status] == [200, 200])
            .then_some(())
            .ok_or(health.text)
    })
    .await;
}
