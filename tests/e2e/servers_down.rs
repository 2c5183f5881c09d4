//! Programs start without their servers and report it. Outages of running servers are tested in `private_broker` and
//! `private_postgres`.

use std::time::Instant;

use serde_json::Value;
use tidings_tests::{Program, ProgramKind, World, eventually, secs};

/// No program listens on port 1.
const NO_DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/none");
const NO_BROKER: (&str, &str) = ("RABBITMQ_URL", "amqp://nobody:hunter2@127.0.0.1:1/none");

/// The API does not accept notifications without a broker.
const BROKER_ALONE: (&str, &str) = ("ACCEPT_WITHOUT_BROKER", "false");

async fn without(world: &World, kind: ProgramKind, server: (&str, &str)) -> Program {
    let program = Program::start(kind, world.settings(&[server])).await;
    let health = program.client().anonymous();
    let (away, there) = match server.0 {
        "DATABASE_URL" => ("database", "rabbitmq"),
        _ => ("rabbitmq", "database"),
    };
    // A worker connects to the broker only once its database is up.
    eventually(secs(20), "the health is known", async || {
        let body = health.get("/health").await.body;
        body[there] == "connected" || kind == ProgramKind::Worker
    })
    .await;
    let answer = health.get("/health").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.body["status"], "unhealthy");
    assert_eq!(answer.body[away], "disconnected");
    assert_eq!(health.get("/live").await.status, 200);
    program
}

fn assert_logs_no_secret(program: &Program) {
    let lines = program.logs().lines().join("\n");
    assert!(!lines.contains("hunter2"), "{lines}");
}

#[tokio::test]
async fn without_a_database_the_api_accepts_posts_and_refuses_reads() {
    let world = World::new().await;
    let api = without(&world, ProgramKind::Api, NO_DATABASE).await;
    let client = api.client();
    assert_eq!(
        client.get("/ready").await.status,
        200,
        "the API needs only the broker"
    );
    let _ = client.post(&world.in_app()).await.accepted();
    let reading = client.get("/api/notifications").await;
    reading.assert_error(503, "database_unavailable");
    assert!(!reading.text.contains("127.0.0.1"), "{}", reading.text);
    assert_logs_no_secret(&api);
}

#[tokio::test]
async fn without_both_servers_the_api_refuses_in_time() {
    let world = World::new().await;
    let settings = world.settings(&[NO_BROKER, NO_DATABASE]);
    let api = Program::start(ProgramKind::Api, settings).await;
    let client = api.client();
    assert_eq!(client.get("/ready").await.status, 503);
    let began = Instant::now();
    for answer in [
        client.post(&world.in_app()).await,
        client.post_batch(&[world.in_app()]).await,
    ] {
        answer.assert_error(503, "broker_unavailable");
    }
    // PUBLISH_TIMEOUT_MS is 5 s for each; the rest is for a busy machine.
    assert!(began.elapsed() < secs(24), "{:?}", began.elapsed());
    assert_logs_no_secret(&api);
}

#[tokio::test]
async fn without_a_broker_the_api_refuses_in_time() {
    let world = World::with(&[BROKER_ALONE]).await;
    let api = without(&world, ProgramKind::Api, NO_BROKER).await;
    let client = api.client();
    assert_eq!(client.get("/ready").await.status, 503);
    let began = Instant::now();
    let answer = client.post(&world.in_app()).await;
    answer.assert_error(503, "broker_unavailable");
    // PUBLISH_TIMEOUT_MS is 5 s; the rest is for a busy machine.
    assert!(began.elapsed() < secs(12), "{:?}", began.elapsed());
    assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
    let listed = client.get("/api/notifications").await;
    assert_eq!(
        listed.body["nextCursor"],
        Value::Null,
        "reading still works"
    );
    assert_logs_no_secret(&api);
}

#[tokio::test]
async fn without_either_server_the_worker_is_not_ready() {
    let world = World::new().await;
    for server in [NO_DATABASE, NO_BROKER] {
        let mut worker = without(&world, ProgramKind::Worker, server).await;
        assert_eq!(
            worker.client().get("/ready").await.status,
            503,
            "{server:?}"
        );
        assert_logs_no_secret(&worker);
        worker.stop().await;
    }
}
