//! While RabbitMQ is away, PostgreSQL takes the notifications, and a scheduler publishes them later.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{MockHttpServer, Response, World, eventually, notification, secs};
use uuid::Uuid;

use super::{PrivateBrokerInstallation, until_ready};

const ACCEPTING: [(&str, &str); 5] = [
    ("ACCEPT_WITHOUT_BROKER", "true"),
    ("WORKER_CHANNELS", "intake,scheduler,webhook"),
    ("WEBHOOK_PROVIDER", "http"),
    ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
    ("SCHEDULER_POLL_MS", "100"),
];

async fn start(more: &[(&str, &str)]) -> (MockHttpServer, PrivateBrokerInstallation) {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let settings = [&ACCEPTING[..], more].concat();
    let installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    eventually(
        secs(20),
        "the API knows that a scheduler runs",
        async || {
            let metrics = installation.api.metrics().await;
            metrics.sum("tidings_accepts_without_broker", &[]) == 1
        },
    )
    .await;
    (receiver, installation)
}

fn webhook(world: &World, receiver: &MockHttpServer, number: usize) -> Value {
    let payload =
        json!({"to": receiver.url("/hook"), "event": "order.shipped", "data": {"n": number}});
    json!({"targetUserId": world.user, "type": "webhook", "payload": payload})
}

/// Waits until the API reports that the broker is away.
async fn until_away(installation: &PrivateBrokerInstallation) {
    let probes = installation.api.client().anonymous();
    eventually(secs(30), "the API notices", async || {
        probes.get("/health").await.body["rabbitmq"] == "disconnected"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_stopped_every_post_is_accepted_and_sent_once_afterwards() {
    let (receiver, mut installation) = start(&[]).await;
    let client = installation.api.client();
    installation.broker.stop().await;
    until_away(&installation).await;
    let probes = client.anonymous();
    assert_eq!(probes.get("/ready").await.status, 200);
    let world = &installation.world;
    let mut webhooks = BTreeSet::new();
    for number in 0..100 {
        let mut body = webhook(world, &receiver, number);
        if number % 10 == 0 {
            // The payload names the recipient.
            body.as_object_mut()
                .expect("an object")
                .remove("targetUserId");
        }
        let id = client.post(&body).await.accepted();
        webhooks.insert(id.as_uuid());
    }
    assert_eq!(world.database.count("user_id IS NULL").await, 10);
    let in_app = client.post(&world.in_app()).await.accepted();
    let shown = client.get(&format!("/api/notifications/{in_app}")).await;
    assert_eq!(
        (shown.status, &shown.body["status"]),
        (200, &json!("processed"))
    );
    let held = world
        .database
        .message_ids_where("status = 'scheduled' AND reason = 'broker'")
        .await;
    assert!(held.iter().eq(&webhooks));
    let found = client.get(&format!("/api/notifications/{}", held[0])).await;
    assert_eq!(found.body["decision"]["reason"], "broker");
    assert_eq!(receiver.count(), 0);
    // The same key again is the same notification.
    let keyed = webhook(world, &receiver, 100);
    let first = client.post_with_key(&keyed, "one").await.accepted();
    assert_eq!(client.post_with_key(&keyed, "one").await.accepted(), first);
    // A batch too.
    let items: Vec<Value> = (0..300)
        .map(|_| notification(world.user, Channel::InApp))
        .collect();
    let batch = client.post_batch(&items).await;
    assert_eq!(batch.status, 202, "{}", batch.text);

    installation.broker.start().await;
    until_ready(&probes).await;
    eventually(secs(60), "all are sent", async || {
        installation
            .world
            .database
            .count("status = 'processed'")
            .await
            == 100 + 1 + 1 + 300
    })
    .await;
    installation.world.until_queues_are_empty().await;
    assert_eq!(receiver.count(), 101, "each once");
    let metrics = installation.api.metrics().await;
    let name = "tidings_notifications_accepted_total";
    assert_eq!(
        metrics.sum(name, &["by=\"database\"", "type=\"webhook\""]),
        101
    );
    installation.worker.stop().await;
    installation.api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_that_both_servers_have_stored_is_one_row_and_one_send() {
    let (receiver, mut installation) = start(&[("ACCEPT_HEDGE_MS", "50")]).await;
    let client = installation.api.client();
    let (world, broker) = (&installation.world, &installation.broker);
    // The API publishes into a connection that looks open, and the broker reads it later.
    let frozen = broker.freeze().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(
            client
                .post(&webhook(world, &receiver, number))
                .await
                .accepted(),
        );
    }
    frozen.thaw();
    eventually(secs(60), "all are sent", async || {
        world.database.count("status = 'processed'").await == 20
    })
    .await;
    world.until_queues_are_empty().await;
    assert_eq!(receiver.count(), 20);
    let by = async |by| {
        let metrics = installation.api.metrics().await;
        metrics.sum(
            "tidings_notifications_accepted_total",
            &[by, "type=\"webhook\""],
        )
    };
    assert_eq!(by("by=\"database\"").await, 20);
    let duplicates = installation.worker.metrics().await;
    assert!(
        duplicates.sum("tidings_intake_duplicates_total", &[]) > 0,
        "no message arrived"
    );
    let mut recorded: Vec<Uuid> = ids.into_iter().map(MessageId::as_uuid).collect();
    recorded.sort_unstable();
    assert_eq!(world.database.message_ids().await, recorded);
    installation.worker.stop().await;
    installation.api.stop().await;
}

/// The client repeats the request whose answer it did not get, with its key, to another API.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_is_killed_before_its_answer_has_created_one_notification() {
    let (receiver, mut installation) = start(&[]).await;
    installation.broker.stop().await;
    until_away(&installation).await;
    let world = &installation.world;
    let body = webhook(world, &receiver, 0);
    let client = installation.api.client();
    let posted = {
        let (client, body) = (client.clone(), body.clone());
        tokio::spawn(async move {
            let request = client.request(Method::POST, "/api/notifications");
            let request = request.header("Idempotency-Key", "one").json(&body);
            request.send().await.ok().map(|answer| answer.status())
        })
    };
    eventually(secs(30), "the row is committed", async || {
        world.database.count("true").await == 1
    })
    .await;
    installation.api.kill();
    // The answer may have been quicker than the kill.
    let answer = posted.await.expect("the request ends");
    assert!(answer.is_none_or(|status| status == 202), "{answer:?}");

    installation.broker.start().await;
    let mut api = world.api().await;
    until_ready(&api.client().anonymous()).await;
    let id = api.client().post_with_key(&body, "one").await.accepted();
    world.until_status(id, "processed").await;
    world.until_queues_are_empty().await;
    assert_eq!(world.database.count("true").await, 1);
    assert_eq!(receiver.count(), 1);
    installation.worker.stop().await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_user_among_others_is_refused_alone() {
    let (_receiver, mut installation) = start(&[]).await;
    let client = installation.api.client();
    installation.broker.stop().await;
    until_away(&installation).await;
    let world = &installation.world;
    let mut items: Vec<Value> = (0..9)
        .map(|_| notification(world.user, Channel::InApp))
        .collect();
    items.insert(4, notification(Uuid::now_v7().into(), Channel::InApp));
    let answer = client.post_batch(&items).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    let refused: Vec<_> = answer
        .results()
        .into_iter()
        .enumerate()
        .filter_map(|(index, result)| Some((index, result.err()?)))
        .collect();
    assert_eq!(refused, [(4, "broker_unavailable".to_owned())]);
    assert_eq!(world.database.count("status = 'processed'").await, 9);
    client
        .post(&items[4])
        .await
        .assert_error(503, "broker_unavailable");
    installation.worker.stop().await;
    installation.api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_scheduler_only_in_app_notifications_are_accepted() {
    let stages = [("WORKER_CHANNELS", "intake,webhook")];
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let settings = [&ACCEPTING[..], &stages[..]].concat();
    let mut installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    let client = installation.api.client();
    installation.broker.stop().await;
    until_away(&installation).await;
    let world = &installation.world;
    let refused = client.post(&webhook(world, &receiver, 0)).await;
    refused.assert_error(503, "broker_unavailable");
    let _ = client.post(&world.in_app()).await.accepted();
    assert_eq!(client.anonymous().get("/ready").await.status, 503);
    installation.worker.stop().await;
    installation.api.stop().await;
}
