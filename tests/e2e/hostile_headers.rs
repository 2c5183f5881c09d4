//! Messages with headers that exhaust a default stack, or that the client library cannot parse.

use rstest::rstest;
use tidings_broker::Stage;
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId};
use tidings_tests::{Amqp, Program, RawAmqp, World, broken_name, eventually_ok};
use tidings_tests::{nested_arrays, nested_tables, secs, text_entry};

const KEY: &str = "attempt.0.3x1000x5x3600000";

/// Headers that nest as deep as fits into a frame of 128 KiB.
fn deep_headers(stage: &str) -> [Vec<u8>; 2] {
    let channel = text_entry("channel", stage);
    [nested_tables(18_000), nested_arrays(26_000)].map(|nested| [&channel[..], &nested].concat())
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
    // Of each kind: one that is recorded, one that the worker dead-letters, one that is a dead letter.
    for headers in deep_headers("intake") {
        let body = world.wire().encode();
        raw.publish(&names.exchange, KEY, &headers, &body);
        raw.publish(&names.exchange, KEY, &headers, b"no notification");
        raw.publish("", &names.dlq, &headers, &body);
    }

    let mut worker = world.worker().await;
    // Long: the time that RabbitMQ needs to encode nested tables grows with the square of their depth.
    eventually_ok(secs(180), "recorded, and dead letters", async || {
        let recorded = world.database.count("true").await;
        let dead = amqp.dead_letter_depth().await;
        ((recorded, dead) == (2, 4))
            .then_some(())
            .ok_or_else(|| format!("{recorded} recorded, {dead} dead"))
    })
    .await;
    // The tool ends with an error if RabbitMQ, for the same reason, does not send the next dead letter in time.
    eventually_ok(secs(180), "the dead letters are listed", async || {
        let listed = world.tidings(&["dlq", "list"]);
        let shown = String::from_utf8_lossy(&listed.stderr).into_owned();
        match listed.status.code() {
            Some(0) => Ok(()),
            Some(1) => Err(shown),
            code => panic!("it ended with {code:?}: {shown}"),
        }
    })
    .await;
    let doctor = world.tidings(&["doctor"]);
    assert!(doctor.status.code().is_some(), "it did not abort");
    worker.stop().await;
}

#[rstest]
#[case(Stage::Intake)]
#[case(Stage::Delivery(DeliveredChannel::Email))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_name_that_is_not_utf8_is_reported_and_stops_only_the_stage_of_its_queue(
    #[case] stage: Stage,
) {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email")]).await;
    let amqp = world.declared(&[]).await;
    let names = amqp.settings.names.clone();
    let queue = stage.queue(&names);
    let mut raw = RawAmqp::connect(world.vhost.url());
    let headers = broken_headers(stage.as_str());
    raw.publish(&names.exchange, KEY, &headers, b"{}");

    let mut worker = world.worker().await;
    eventually_ok(
        secs(60),
        "the queue is named",
        async || match unreadable_queue(&worker).await {
            Ok(Some(named)) if named == queue => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
    let logged = worker.logs().entries().into_iter().any(|entry| {
        let remedy = entry["remedy"].as_str().unwrap_or_default();
        entry["queue"] == queue && remedy.contains("Automatic ack")
    });
    assert!(logged, "{}", worker.logs().tail(20));
    eventually_ok(secs(30), "doctor names the queue", async || {
        let doctor = world.tidings(&["doctor"]);
        let shown = String::from_utf8_lossy(&doctor.stdout).into_owned();
        let is_named = shown.contains("cannot be parsed") && shown.contains(&queue);
        is_named.then_some(()).ok_or(shown)
    })
    .await;
    if stage == Stage::Intake {
        until_email_consumed(&mut raw, &amqp).await;
    } else {
        until_recorded(&world, &amqp).await;
    }

    // The remedy.
    eventually_ok(
        secs(60),
        "the worker consumes the queue again",
        async || {
            let removed = world
                .vhost
                .management
                .remove_first(&world.vhost.name, &queue);
            // RabbitMQ 4 removes the message too, but cannot show it and answers 500.
            let removed = removed.await;
            match unreadable_queue(&worker).await {
                Ok(None) => Ok(()),
                other => Err(format!("{other:?}: {removed:?}")),
            }
        },
    )
    .await;
    if stage == Stage::Intake {
        until_recorded(&world, &amqp).await;
    } else {
        until_email_consumed(&mut raw, &amqp).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_with_a_header_name_that_is_not_utf8_is_reported_with_its_queue() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let dlq = amqp.settings.names.dlq.clone();
    let mut raw = RawAmqp::connect(world.vhost.url());
    raw.publish("", &dlq, &broken_headers("email"), b"{}");
    let listed = world.tidings(&["dlq", "list"]);
    let shown = String::from_utf8_lossy(&[listed.stdout, listed.stderr].concat()).into_owned();
    assert!(
        listed.status.code().is_some_and(|code| code != 0),
        "{shown}"
    );
    assert!(
        shown.contains("cannot be parsed") && shown.contains(&dlq),
        "{shown}"
    );
}

/// Returns the queue that the worker reports as unreadable, or the answer of a worker that is not healthy: it is not for a
/// moment, when the message ends the connection that all stages share.
async fn unreadable_queue(worker: &Program) -> Result<Option<String>, String> {
    let health = worker.client().anonymous().get("/health").await;
    if health.status != 200 {
        return Err(health.text);
    }
    let queue = &health.body["unreadableQueues"][0]["queue"];
    Ok(queue.as_str().map(str::to_owned))
}

/// Publishes a notification and waits until the intake has recorded it.
async fn until_recorded(world: &World, amqp: &Amqp) {
    let notification = world.wire();
    let is_it = format!("message_id = '{}'", notification.message_id);
    amqp.publish(amqp.intake_of(&notification)).await;
    eventually_ok(secs(30), "the intake works", async || {
        let count = world.database.count(&is_it).await;
        (count == 1).then_some(()).ok_or("not recorded")
    })
    .await;
}

/// Asks for the delivery of a notification that has no row, and waits until it is a dead letter.
async fn until_email_consumed(raw: &mut RawAmqp, amqp: &Amqp) {
    let before = amqp.dead_letter_depth().await;
    let message_id = MessageId::generate();
    let body = DeliveryRequest::from(message_id).encode();
    let headers = text_entry("channel", "email");
    raw.publish(&amqp.settings.names.exchange, KEY, &headers, &body);
    eventually_ok(secs(30), "the e-mail stage works", async || {
        let depth = amqp.dead_letter_depth().await;
        (depth == before + 1).then_some(()).ok_or(depth)
    })
    .await;
}
