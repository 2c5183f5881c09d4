//! `tidings dlq` against the real dead-letter queue.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use tidings_broker::{DeadLetterQueue, Envelope, Failure, MessageFactory, Publisher};
use tidings_domain::notification::{DeliveryRequest, MessageId};
use tidings_tests::{Amqp, AmqpMessage, RawAmqp, World};
use tidings_tests::{eventually, eventually_ok, program_path, secs, text_entry};
use tokio_util::sync::CancellationToken;

/// Returns a dead letter of the intake queue.
fn letter(amqp: &Amqp, world: &World) -> AmqpMessage {
    AmqpMessage {
        exchange: String::new(),
        routing_key: amqp.settings.names.dlq.clone(),
        ..amqp.intake_of(&world.wire())
    }
}

/// Runs the tool and returns its exit code and JSON.
fn tidings(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = world.tidings(&[&["--json"], arguments].concat());
    let out = if output.stdout.is_empty() {
        &output.stderr
    } else {
        &output.stdout
    };
    let text = String::from_utf8_lossy(out);
    let json = serde_json::from_slice(out).unwrap_or_else(|_| panic!("JSON: {text}"));
    (output.status.code(), json)
}

/// Starts a replay and kills it once it has moved some letters and before it has moved all.
async fn kill_replay_half_way(world: &World, amqp: &Amqp) {
    let before = amqp.intake_depth().await;
    let mut replay = Command::new(program_path("tidings"))
        .env_clear()
        .envs(world.settings(&[]))
        .current_dir(std::env::temp_dir())
        .args(["dlq", "replay", "--from-queue", "--all"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    eventually(secs(60), "some letters are replayed", async || {
        amqp.intake_depth().await > before
    })
    .await;
    replay.kill().expect("killed");
    let status = replay.wait().expect("reaped");
    assert_eq!(status.signal(), Some(9), "the replay ended before the kill");
    eventually(secs(60), "letters are left in the queue", async || {
        amqp.dead_letter_depth().await > 0
    })
    .await;
}

/// Replays more letters than one acknowledgement covers, and more than the tool reads at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_killed_half_way_loses_nothing() {
    const LETTERS: i64 = 5000;
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    for _ in 0..LETTERS / 1000 {
        amqp.publish_all((0..1000).map(|_| letter(&amqp, &world)))
            .await;
    }
    for _ in 0..3 {
        kill_replay_half_way(&world, &amqp).await;
    }
    eventually(secs(60), "the rest is replayed, and gone", async || {
        let (code, _) = tidings(&world, &["dlq", "replay", "--from-queue", "--all"]);
        assert_eq!(code, Some(0));
        amqp.dead_letter_depth().await == 0
    })
    .await;
    let worker = world.worker().await;
    eventually(secs(60), "every letter is a row", async || {
        world.database.count("status = 'processed'").await == LETTERS
    })
    .await;
    eventually(secs(60), "duplicates are acknowledged", async || {
        amqp.intake_depth().await == 0
    })
    .await;
    assert_eq!(world.database.count("true").await, LETTERS);
    drop(worker);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

/// Publishes two dead letters of the intake queue for each of two reasons.
async fn four_letters(world: &World, amqp: &Amqp) {
    let stop = CancellationToken::new();
    let settings = amqp.settings.clone();
    let (publisher, _task) = Publisher::start(settings, "tests: letters", |_| {}, stop.clone());
    publisher.until_connected().await;
    let message_factory = MessageFactory::new(&amqp.settings);
    for reason in ["unknown_user", "unknown_user", "undecodable", "undecodable"] {
        let message = amqp.intake_of(&world.wire());
        let key = "attempt.3.3x1000x5x3600000";
        let envelope = Envelope::new(key, message.properties, message.body);
        let dead = message_factory.dead_letter(&envelope, &Failure::new(reason, "told to"));
        publisher.publish(dead).await.expect("confirmed");
    }
    stop.cancel();
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_purged_by_reason() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    four_letters(&world, &amqp).await;

    let (code, listed) = tidings(&world, &["dlq", "list"]);
    assert_eq!((code, &listed["total"]), (Some(0), &4.into()));
    assert_eq!(listed["byReason"]["unknown_user"], 2);
    let id = listed["deadLetters"][0]["messageId"]
        .as_str()
        .expect("an id");
    let shown = world.tidings(&["dlq", "show", id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(id) && shown.contains("told to"), "{shown}");

    let (_, rehearsed) = tidings(&world, &["dlq", "purge", "--all", "--dry-run"]);
    assert_eq!(rehearsed["selected"], 4);
    let (code, _) = tidings(
        &world,
        &["dlq", "purge", "--reason", "undecodable", "--yes"],
    );
    assert_eq!(code, Some(0));
    // RabbitMQ counts what is acknowledged a little later.
    let left = eventually_ok(secs(30), "two are left", async || {
        let (_, left) = tidings(&world, &["dlq", "list"]);
        if left["total"] == 2 {
            Ok(left)
        } else {
            Err(left.to_string())
        }
    })
    .await;
    assert_eq!(left["byReason"]["unknown_user"], 2);
    let (_, none) = tidings(&world, &["dlq", "purge", "--channel", "sms", "--yes"]);
    assert_eq!(none["selected"], 0);
}

#[tokio::test]
async fn purge_and_replay_of_all_letters_must_be_confirmed() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    four_letters(&world, &amqp).await;
    for arguments in [
        &["dlq", "replay"][..],
        &["dlq", "purge"],
        &["dlq", "purge", "--all"],
    ] {
        let output = world.tidings(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(amqp.dead_letters().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_that_cannot_be_replayed_are_left_with_the_reason() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let message_id = MessageId::generate();
    let mut raw = RawAmqp::connect(world.vhost.url());
    for (stage, body) in [
        ("intake", b"no notification".to_vec()),
        ("email", DeliveryRequest::from(message_id).encode()),
        ("nowhere", b"{}".to_vec()),
    ] {
        let dlq = &amqp.settings.names.dlq;
        raw.publish("", dlq, &text_entry("channel", stage), &body);
    }
    eventually(secs(20), "three dead letters", async || {
        amqp.dead_letter_depth().await == 3
    })
    .await;

    let (_, report) = tidings(&world, &["dlq", "replay", "--from-queue", "--all"]);
    let letters = report["deadLetters"].as_array().expect("dead letters");
    assert!(letters.iter().all(|letter| letter["outcome"] == "left"));
    let reasons = letters
        .iter()
        .map(|letter| letter["skippedReason"].as_str());
    let expected = ["no_channel", "row_missing", "undecodable"].map(Some);
    assert_eq!(reasons.collect::<BTreeSet<_>>(), expected.into());
    // RabbitMQ returns them after it has closed the tool's channel.
    eventually(secs(20), "they are back in the queue", async || {
        amqp.dead_letter_depth().await == 3
    })
    .await;
}

/// Without a word about it, the queue would look empty while another replay has its dead letters.
#[tokio::test]
async fn dead_letters_that_another_program_holds_are_announced() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    amqp.publish_all(vec![letter(&amqp, &world)]).await;
    let name = &amqp.settings.names.dlq;
    let alone = world.tidings(&["dlq", "list"]);
    assert!(!String::from_utf8_lossy(&alone.stderr).contains("another program"));

    let other = DeadLetterQueue::open(&amqp.connection, name).await;
    let other = other.expect("opened");
    assert!(other.next().await.expect("read").is_some());
    for command in [
        ["dlq", "list"].as_slice(),
        &["dlq", "replay", "--from-queue", "--all"],
    ] {
        let beside = world.tidings(command);
        let error = String::from_utf8_lossy(&beside.stderr);
        assert!(error.contains("another program reads"), "{error}");
    }
    drop(other);
}
