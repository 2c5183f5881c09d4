//! Messages with headers that exhaust a default stack, or that the client library cannot parse.

use tidings_broker::raw::options::QueuePurgeOptions;
use tidings_tests::{RawAmqp, World, broken_name, eventually, eventually_ok, nested_tables};
use tidings_tests::{secs, text_entry};

/// As deep as fits into a frame of 128 KiB.
const DEPTH: usize = 18_000;

const KEY: &str = "attempt.0.3x1000x5x3600000";

fn deep_headers(stage: &str) -> Vec<u8> {
    [text_entry("channel", stage), nested_tables(DEPTH)].concat()
}

fn broken_headers(stage: &str) -> Vec<u8> {
    [text_entry("channel", stage), broken_name()].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_headers_do_not_crash_a_program() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let names = amqp.settings.names.clone();
    let mut raw = RawAmqp::connect(world.vhost.url());
    // One that is recorded, one that the worker itself makes a dead letter, one that is a dead letter.
    let body = world.wire().encode();
    raw.publish(&names.exchange, KEY, &deep_headers("intake"), &body);
    raw.publish(
        &names.exchange,
        KEY,
        &deep_headers("intake"),
        b"no notification",
    );
    raw.publish("", &names.dlq, &deep_headers("intake"), &body);

    let mut worker = world.worker().await;
    eventually_ok(secs(30), "recorded, and a dead letter", async || {
        let recorded = world.database.count("true").await;
        let dead = amqp.dead_letter_depth().await;
        ((recorded, dead) == (1, 2))
            .then_some(())
            .ok_or_else(|| format!("{recorded} recorded, {dead} dead"))
    })
    .await;
    let listed = world.tidings(&["dlq", "list"]);
    let shown = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert_eq!(listed.status.code(), Some(0), "{shown}");
    let doctor = world.tidings(&["doctor"]);
    assert!(doctor.status.code().is_some(), "it did not abort");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_name_that_is_not_utf8_is_reported_and_stops_only_the_stage_of_its_queue() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email")]).await;
    let amqp = world.declared(&[]).await;
    let names = amqp.settings.names.clone();
    let queue = "notifications_queue.email";
    let mut raw = RawAmqp::connect(world.vhost.url());
    raw.publish(&names.exchange, KEY, &broken_headers("email"), b"{}");

    let mut worker = world.worker().await;
    let probes = worker.client().anonymous();
    let queue_is_named = async || {
        let health = probes.get("/health").await;
        let is_named = health.body["unreadableQueues"][0]["queue"] == queue;
        (is_named && health.status == 200)
            .then_some(())
            .ok_or(health.text)
    };
    eventually_ok(secs(60), "the queue is named", queue_is_named).await;
    let logged = worker.logs().entries().into_iter().any(|entry| {
        entry["queue"] == queue
            && entry["remedy"]
                .as_str()
                .is_some_and(|text| text.contains("management UI"))
    });
    assert!(logged, "{}", worker.logs().tail(20));
    amqp.publish(amqp.intake_of(&world.wire())).await;
    eventually(secs(10), "the intake works", async || {
        world.database.count("true").await == 1
    })
    .await;
    eventually_ok(secs(30), "doctor names the queue", async || {
        let doctor = world.tidings(&["doctor"]);
        let shown = String::from_utf8_lossy(&doctor.stdout).into_owned();
        let is_named = shown.contains("cannot be parsed") && shown.contains(queue);
        is_named.then_some(()).ok_or(shown)
    })
    .await;

    eventually_ok(
        secs(60),
        "the worker consumes the queue again",
        async || {
            let purged = amqp
                .channel
                .queue_purge(queue.into(), QueuePurgeOptions::default());
            purged.await.expect("purged");
            let health = probes.get("/health").await;
            health
                .body
                .get("unreadableQueues")
                .is_none()
                .then_some(())
                .ok_or(health.text)
        },
    )
    .await;
    worker.stop().await;

    raw.publish("", &names.dlq, &broken_headers("email"), b"{}");
    let listed = world.tidings(&["dlq", "list"]);
    let shown = String::from_utf8_lossy(&[listed.stdout, listed.stderr].concat()).into_owned();
    assert!(
        listed.status.code().is_some_and(|code| code != 0),
        "{shown}"
    );
    assert!(
        shown.contains("cannot be parsed") && shown.contains(&names.dlq),
        "{shown}"
    );
}
