//! Dead letters of notifications without a user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tidings_domain::notification::{Channel, DeliveredChannel, Notification};
use tidings_tests::{MockHttpServer, Response, World, eventually, secs};

use super::to_address;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_the_dead_letter_or_of_the_row_delivers_it() {
    let works = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&works);
    let receiver = MockHttpServer::start(move |_| {
        Response::status(if now.load(Ordering::SeqCst) { 200 } else { 400 })
    })
    .await;
    let world = World::with(&[
        ("WORKER_CHANNELS", "intake,webhook"),
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let amqp = world.amqp().await;
    let mut body = to_address(DeliveredChannel::Webhook);
    body["payload"]["to"] = json!(receiver.url("/hook"));
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(api.client().post(&body).await.accepted());
    }
    for id in &ids {
        world.until_status(*id, "failed").await;
    }
    eventually(secs(20), "their dead letters", async || {
        amqp.dead_letter_depth().await == 2
    })
    .await;
    let [of_letter, of_row] = [ids[0], ids[1]].map(|id| id.to_string());
    let shown = world.tidings(&["dlq", "list"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains(&of_letter) && shown.contains(&of_row),
        "{shown}"
    );

    works.store(true, Ordering::SeqCst);
    for arguments in [
        &["dlq", "replay", "--from-queue", "--id", &of_letter][..],
        &["dlq", "replay", "--from-queue", "--rows", "--id", &of_row],
    ] {
        let output = world.tidings(arguments);
        assert!(output.status.success(), "{output:?}");
    }
    for id in ids {
        world.until_status(id, "processed").await;
    }
    assert_eq!(world.database.count("user_id IS NULL").await, 2);
}

/// Only another program than the API publishes such messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_names_nobody_is_a_dead_letter_at_once() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email,sms,push,webhook")]).await;
    let amqp = world.declared(&[]).await;
    let _worker = world.worker().await;
    let of = |channel: Channel| {
        let payload = tidings_tests::notification(world.user, channel)["payload"].to_string();
        Notification {
            user_id: None,
            channel,
            payload: serde_json::value::RawValue::from_string(payload).expect("JSON"),
            ..world.wire()
        }
    };
    let all = Channel::ALL.map(of);
    amqp.publish_all(all.iter().map(|one| amqp.intake_of(one)))
        .await;
    eventually(secs(60), "all are dead letters", async || {
        amqp.dead_letter_depth().await == 5
    })
    .await;
    let letters = amqp.dead_letters().await;
    for one in &all {
        let id = Some(one.message_id.to_string());
        let letter = letters.iter().find(|letter| letter.message_id == id);
        let letter = letter.expect("its dead letter");
        let (reason, detail) = match one.channel {
            Channel::InApp => ("undecodable", "the body has no targetUserId"),
            _ => (
                "no_recipient",
                "the notification has neither a target user nor a recipient in its payload",
            ),
        };
        assert_eq!(
            (letter.reason.as_str(), letter.detail.as_deref()),
            (reason, Some(detail))
        );
    }
    assert_eq!(world.database.count("status = 'failed'").await, 4);
}
