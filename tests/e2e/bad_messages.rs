//! A message that cannot be recorded does not affect other messages.

use serde_json::value::RawValue;
use tidings_broker::DeadLetter;
use tidings_broker::raw::types::AMQPValue;
use tidings_domain::notification::Notification;
use tidings_tests::{Amqp, AmqpMessage, World, eventually, eventually_ok, secs};
use uuid::Uuid;

/// Waits for `n` dead letters.
async fn dead_letters(amqp: &Amqp, n: u32) -> Vec<DeadLetter> {
    eventually_ok(secs(20), "the dead letters are there", async || {
        let depth = amqp.dead_letter_depth().await;
        if depth == n {
            Ok(())
        } else {
            Err(format!("{depth} dead letters"))
        }
    })
    .await;
    amqp.dead_letters().await
}

fn with_payload(world: &World, payload: &str) -> Notification {
    Notification {
        payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
        ..world.wire()
    }
}

#[tokio::test]
async fn three_bad_messages_do_not_affect_the_rest_of_their_batch() {
    // The delay is so long that the unknown user's message stays on the ladder.
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "600000")]).await;
    let amqp = world.declared(&[]).await;
    let mut messages: Vec<AmqpMessage> = (0..253).map(|_| amqp.intake_of(&world.wire())).collect();
    let orphan = Notification {
        user_id: Some(Uuid::now_v7().into()),
        ..world.wire()
    };
    messages.insert(40, amqp.intake_of(&orphan));
    messages.insert(100, amqp.to_intake("not a notification"));
    let rejected = with_payload(&world, r#"{"title": "\u0000"}"#);
    messages.insert(200, amqp.intake_of(&rejected));
    amqp.publish_all(messages).await;

    let mut worker = world.worker().await;
    eventually(secs(20), "all good ones are recorded", async || {
        world.database.count("status = 'processed'").await == 253
    })
    .await;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let spread = "SELECT extract(epoch FROM max(processed_at) - min(processed_at))::float8
                  FROM notifications";
    let spread: f64 = client
        .query_one(spread, &[])
        .await
        .expect("the spread")
        .get(0);
    // Far less than the minute for which messages are held when the database is down.
    assert!(spread < 5.0, "recorded within {spread} s of each other");

    let letters = dead_letters(&amqp, 2).await;
    let mut reasons: Vec<_> = letters.iter().map(|l| l.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["rejected_by_database", "undecodable"]);
    for letter in &letters {
        assert_eq!(letter.attempts, Some(1), "{letter:?}");
        assert!(
            letter.failed_at.is_some() && letter.detail.is_some(),
            "{letter:?}"
        );
    }
    let scrape = worker.metrics().await;
    let retried = scrape.sum("tidings_messages_retried_total", &["unknown_user"]);
    assert_eq!(retried, 1);
    worker.stop().await;
    assert_eq!(amqp.intake_depth().await, 0);
}

#[tokio::test]
async fn an_unprocessable_message_becomes_a_dead_letter_at_once_with_its_reason() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let good = String::from_utf8(world.wire().encode()).expect("UTF-8");
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\xff\xfe\x00".to_vec(), "undecodable"),
        (Vec::new(), "undecodable"),
        (b"{}".to_vec(), "undecodable"),
        (good.replace("in-app", "pigeon").into_bytes(), "undecodable"),
        (
            good.replace("\"v\":1", "\"v\":99").into_bytes(),
            "unknown_version",
        ),
        (
            with_payload(&world, r#"{"a":"\ud800"}"#).encode(),
            "rejected_by_database",
        ),
        (
            with_payload(&world, r#"{"\u0000":1}"#).encode(),
            "rejected_by_database",
        ),
        (
            with_payload(&world, r#"{"n":1e999999}"#).encode(),
            "rejected_by_database",
        ),
    ];
    let messages = cases.iter().map(|(body, _)| amqp.to_intake(body.clone()));
    amqp.publish_all(messages).await;
    let worker = world.worker().await;
    let letters = dead_letters(&amqp, 8).await;
    for (body, reason) in cases {
        let letter = letters.iter().find(|letter| letter.body == body);
        let letter = letter.expect("the body as it was published");
        assert_eq!(letter.reason, reason, "{letter:?}");
    }
    let scrape = worker.metrics().await;
    assert_eq!(scrape.sum("tidings_messages_dead_lettered_total", &[]), 8);
    assert_eq!(scrape.sum("tidings_messages_retried_total", &[]), 0);
}

/// With the headers of a dead letter in addition, such a message would not fit into a frame.
#[tokio::test]
async fn messages_whose_headers_fill_a_frame_become_dead_letters_and_delay_no_other() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let large = || AMQPValue::LongString("x".repeat(130_900).into());
    let with_large_header = |mut message: AmqpMessage| {
        let mut headers = message.properties.headers().clone().expect("a channel");
        headers.insert("foreign".into(), large());
        message.properties = message.properties.with_headers(headers);
        message
    };
    let orphan = Notification {
        user_id: Some(Uuid::now_v7().into()),
        ..world.wire()
    };
    let mut messages: Vec<_> = (0..5)
        .map(|_| with_large_header(amqp.to_intake("not a notification")))
        .collect();
    // A retry would make the headers larger.
    messages.push(with_large_header(amqp.intake_of(&orphan)));
    messages.push(with_large_header(amqp.intake_of(&world.wire())));
    let worker = world.worker().await;
    // Before that, the worker could not publish a dead letter, whatever its headers.
    eventually(secs(20), "the worker can publish", async || {
        worker.logs().count("connected to RabbitMQ") > 0
    })
    .await;
    amqp.publish_all(messages).await;
    let letters = dead_letters(&amqp, 6).await;
    let mut reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter.reason.as_str())
        .collect();
    reasons.sort_unstable();
    let undecodable = ["undecodable"; 5];
    assert_eq!(reasons, [&["too_large"][..], &undecodable].concat());
    assert_eq!(
        world.database.count("true").await,
        1,
        "the last one is recorded"
    );
    let ready = worker.client().anonymous().get("/ready").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    let held = worker.logs().count("cannot publish; trying again");
    assert_eq!(held, 0, "{}", worker.logs().tail(20));
}

#[tokio::test]
async fn an_unroutable_message_becomes_a_dead_letter_and_blocks_no_other() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "50"), ("MAX_RETRIES", "1")]).await;
    let amqp = world.declared(&[]).await;
    // Without a `channel` header there is no queue; with an invalid routing key there is no rung.
    let mut lost = amqp.to_intake("lost");
    lost.properties = lost
        .properties
        .with_headers(tidings_broker::raw::types::FieldTable::default());
    let orphan = Notification {
        user_id: Some(Uuid::now_v7().into()),
        ..world.wire()
    };
    let mut keyless = amqp.intake_of(&orphan);
    keyless.routing_key = "no such key".to_owned();
    amqp.publish_all([lost, keyless]).await;
    let _worker = world.worker().await;
    amqp.publish(amqp.intake_of(&world.wire())).await;
    eventually(secs(20), "the good one is recorded", async || {
        world.database.count("status = 'processed'").await == 1
    })
    .await;
    let letters = dead_letters(&amqp, 2).await;
    let lost = letters.iter().find(|letter| letter.body == b"lost");
    assert_eq!(lost.expect("the lost one").reason, "unrouted");
    let keyless = letters.iter().find(|letter| letter.body != b"lost");
    assert_eq!(keyless.expect("the other").reason, "unknown_user");
}
