use rstest::rstest;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, Fingerprint, KeyNamespace, MessageId, Notification};
use tidings_tests::{Amqp, ProgramKind, World, eventually, notification, secs, tokens};

use super::{LOOKUP, lookups};

const REASON: &str = "idempotency_key_reused";

fn titled(world: &World, title: &str) -> Value {
    let mut body = notification(world.user, Channel::InApp);
    body["payload"]["title"] = json!(title);
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let first = titled(&world, "first");
    let id = client.post_with_key(&first, "one").await.accepted();
    let mut others = vec![titled(&world, "second"); 4];
    others[1] = first.clone();
    others[1]["type"] = json!("push");
    others[1]["payload"]["body"] = json!("It has shipped!");
    others[2] = first.clone();
    others[2]["ttlSecs"] = json!(60);
    others[3] = first.clone();
    others[3]["targetUserId"] = json!(world.database.user().await);
    for other in &others {
        let refused = client.post_with_key(other, "one").await;
        refused.assert_error(422, REASON);
        assert!(!refused.text.contains(&id.to_string()), "{}", refused.text);
    }
    // What may not be sent at all is refused for that.
    let mut wrong = first.clone();
    wrong["type"] = json!("pigeon");
    let refused = client.post_with_key(&wrong, "one").await;
    refused.assert_error(400, "invalid_fields");
    let again = client.post_with_key(&first, "one").await;
    assert_eq!(again.accepted(), id);
    let metrics = api.metrics().await;
    assert_eq!(metrics.sum("tidings_idempotency_keys_reused_total", &[]), 4);
    assert_eq!(world.amqp().await.intake_depth().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_and_single_requests_share_their_keys() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let (first, second) = (titled(&world, "first"), titled(&world, "second"));
    let keyed = |body: &Value, key: &str| {
        let mut item = body.clone();
        item["idempotencyKey"] = json!(key);
        item
    };
    let id = client.post_with_key(&first, "one").await.accepted();
    let items = [
        keyed(&first, "one"),
        keyed(&second, "one"),
        keyed(&first, "two"),
        keyed(&second, "two"),
        keyed(&first, "two"),
        second.clone(),
    ];
    let answer = client.post_batch(&items).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    let results = answer.results();
    let reused = || Err(REASON.to_owned());
    assert_eq!(results[0], Ok(id));
    assert_eq!((&results[1], &results[3]), (&reused(), &reused()));
    assert_eq!(results[4], results[2]);
    let replayed = |index: usize| answer.body["results"][index]["replayed"] == true;
    let replayed: Vec<_> = (0..items.len()).filter(|index| replayed(*index)).collect();
    assert_eq!(replayed, [0, 4]);
    let two = client.post_with_key(&first, "two").await;
    assert_eq!(two.header("Idempotency-Replayed"), "true");
    assert_eq!(Ok(two.accepted()), results[2]);
    assert_eq!(world.amqp().await.intake_depth().await, 3);
}

/// Posts two notifications under one key at the same moment: each to a process of its own, while no worker runs. Returns
/// their id.
async fn post_both(world: &World, bodies: [&Value; 2]) -> MessageId {
    let (one, other) = tokio::join!(world.api(), world.api());
    let (one, other) = (one.client(), other.client());
    let (one, other) = tokio::join!(
        one.post_with_key(bodies[0], "one"),
        other.post_with_key(bodies[1], "one"),
    );
    assert_eq!(one.accepted(), other.accepted());
    one.accepted()
}

async fn until_dead_letter(amqp: &Amqp) {
    eventually(secs(30), "one is a dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let letters = amqp.dead_letters().await;
    assert_eq!(letters[0].reason, REASON);
}

/// Replays all dead letters: none is replayed.
fn replay(world: &World) {
    let output = world.tidings(&["--json", "dlq", "replay", "--from-queue", "--all"]);
    assert_eq!(output.status.code(), Some(1), "a dead letter is left");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&report["replayed"], &report["left"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(report["deadLetters"][0]["skippedReason"], REASON);
}

/// The two messages are in one batch of the intake, or in two.
#[rstest]
#[case("256")]
#[case("1")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_at_once_one_is_recorded_and_the_other_is_a_dead_letter_that_stays(
    #[case] batch: &str,
) {
    let world = World::with(&[("INTAKE_BATCH_SIZE", batch)]).await;
    let amqp = world.declared(&[]).await;
    let bodies = ["first", "second"].map(|text| {
        let mut body = notification(world.user, Channel::Sms);
        body["payload"] = json!({"text": text, "to": "+4915112345678"});
        body
    });
    let id = post_both(&world, [&bodies[0], &bodies[1]]).await;
    let worker = world.worker().await;
    world.until_status(id, "pending").await;
    until_dead_letter(&amqp).await;
    let metrics = worker.metrics().await;
    let label = format!("reason=\"{REASON}\"");
    let counted = metrics.sum("tidings_messages_dead_lettered_total", &[&label]);
    assert_eq!(counted, 1);
    assert_eq!(metrics.sum("tidings_intake_recorded_total", &[]), 1);
    // A batch that is held, because the worker has no connection to publish with yet, finds its own row afterwards.
    let held = "messages are held: they are not known to be the cause";
    let held = u64::try_from(worker.logs().with_message(held).len()).expect("a number");
    assert!(metrics.sum("tidings_intake_duplicates_total", &[]) <= held);
    assert_eq!(world.database.count("true").await, 1);
    assert_eq!(world.database.count("error_message IS NULL").await, 1);

    // Whatever the status of the row, a replay changes neither the row nor the dead letter.
    for status in ["pending", "failed", "processed"] {
        let sql = format!("UPDATE notifications SET status = '{status}'");
        let changed = world.database.pool.run(async |client| {
            client.batch_execute(&sql).await?;
            Ok(())
        });
        changed.await.expect("changed");
        replay(&world);
        world.until_status(id, status).await;
        until_dead_letter(&amqp).await;
    }
    // Neither does it record the other one once the row is gone.
    let deleted = world.database.pool.run(async |client| {
        client.batch_execute("DELETE FROM notifications").await?;
        Ok(())
    });
    deleted.await.expect("deleted");
    replay(&world);
    // The tool's connection gives it back shortly after its end.
    until_dead_letter(&amqp).await;
    assert_eq!(world.database.count("true").await, 0);
    drop(worker);
}

/// A caller must not learn from an answer that the notification of another sender exists, even if it had its id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_another_sender_is_neither_reported_nor_changed() {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.start(ProgramKind::Api, &[LOOKUP]), world.worker());
    let amqp = world.amqp().await;
    let key = "one".parse().expect("a key");
    let foreign = Notification {
        message_id: MessageId::for_key(KeyNamespace::of_service(tokens::SERVICE), &key),
        sender: Some("somebody else".to_owned()),
        fingerprint: Fingerprint::from_bytes(&[1; 17]),
        ..world.wire()
    };
    amqp.publish(amqp.intake_of(&foreign)).await;
    world.until_status(foreign.message_id, "processed").await;
    let posted = api.client().post_with_key(&world.in_app(), "one").await;
    assert_eq!(posted.accepted(), foreign.message_id);
    assert_eq!(posted.header("Idempotency-Replayed"), "");
    assert_eq!(lookups(&api, "answered").await, 1);
    until_dead_letter(&amqp).await;
    let theirs = world.database.count("sender = 'somebody else'").await;
    assert_eq!((theirs, world.database.count("true").await), (1, 1));
    drop(worker);
}
