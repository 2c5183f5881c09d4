//! A repeated request or message is one notification, and a key that was used for one is refused for others.

mod replays;
mod reused_keys;

use std::collections::HashSet;

use futures_util::future::join_all;
use rstest::rstest;
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{Answer, Program, World, eventually, notification, secs, tokens};

/// The row decides, however long PostgreSQL takes to answer on a busy machine.
const LOOKUP: (&str, &str) = ("IDEMPOTENCY_LOOKUP_MS", "5000");

/// The number of lookups of rows that ended so.
async fn lookups(api: &Program, result: &str) -> u64 {
    let label = format!("result=\"{result}\"");
    let metrics = api.metrics().await;
    metrics.sum("tidings_idempotency_lookups_total", &[&label])
}

#[tokio::test]
async fn fifty_requests_at_once_with_the_same_key_are_one_notification() {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let body = world.in_app();

    // All at once: one is stored, and the others wait for it.
    let posts = (0..50).map(|i| {
        // Quoted and unquoted are the same key.
        let key = if i % 2 == 0 {
            "order-17"
        } else {
            "\"order-17\""
        };
        client.post_with_key(&body, key)
    });
    let ids: HashSet<MessageId> = join_all(posts).await.iter().map(Answer::accepted).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    world.until_recorded(1).await;
    assert_eq!(world.database.count("true").await, 1);
    let replays = api.metrics().await;
    assert_eq!(replays.sum("tidings_idempotent_replays_total", &[]), 49);
    let scrape = worker.metrics().await;
    assert_eq!(scrape.sum("tidings_intake_recorded_total", &[]), 1);
    assert_eq!(scrape.sum("tidings_intake_duplicates_total", &[]), 0);
}

/// Each process publishes a message, because none knows what the other has stored.
#[tokio::test]
async fn the_same_request_to_two_processes_at_once_is_one_notification() {
    let world = World::new().await;
    let (one, other) = tokio::join!(world.api(), world.api());
    let body = world.in_app();
    let posts = [&one, &other].map(|api| async {
        let client = api.client();
        client.post_with_key(&body, "order-17").await.accepted()
    });
    let ids: HashSet<MessageId> = join_all(posts).await.into_iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let worker = world.worker().await;
    eventually(secs(20), "both copies are seen", async || {
        let scrape = worker.metrics().await;
        scrape.sum("tidings_intake_duplicates_total", &[]) == 1
    })
    .await;
    assert_eq!(world.database.count("true").await, 1);
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let (world, api) = World::shared().await;
    let (one, two) = (world.database.user().await, world.database.user().await);
    let mut ids = HashSet::new();
    for (user, key) in [(one, "k"), (two, "k"), (one, "other")] {
        let client = api
            .client()
            .with_token(tokens::scoped(user, "notifications:send"));
        let body = notification(user, Channel::InApp);
        let first = client.post_with_key(&body, key).await.accepted();
        let again = client.post_with_key(&body, key).await.accepted();
        assert_eq!(first, again);
        ids.insert(first);
    }
    assert_eq!(ids.len(), 3);
}

/// A user must not take the key of a service that carries the same subject in advance.
#[tokio::test]
async fn a_user_and_a_service_with_the_same_subject_share_no_key() {
    let (world, api) = World::shared().await;
    let user = world.database.user().await;
    let body = notification(user, Channel::InApp);
    let id = async |scope: &str| {
        let client = api.client().with_token(tokens::scoped(user, scope));
        client.post_with_key(&body, "order-17").await.accepted()
    };
    let of_user = id("notifications:send").await;
    let of_service = id("notifications:send:any").await;
    assert_ne!(of_user, of_service);
    assert_eq!(of_service, id("admin").await);
    assert_eq!(of_user, id("notifications:send notifications:read").await);
    let unscoped = tokens::signed(&serde_json::json!({"userId": user}));
    let client = api.client().with_token(unscoped);
    assert_eq!(
        of_service,
        client.post_with_key(&body, "order-17").await.accepted()
    );
}

/// Issuers spell UUIDs differently, and each spelling names the same user.
#[tokio::test]
async fn a_user_whose_tokens_spell_the_id_differently_is_one_caller() {
    let (world, api) = World::shared().await;
    let user = world.user;
    let body = notification(user, Channel::InApp);
    let mut ids = Vec::new();
    for spelling in [user.to_string(), user.to_string().to_uppercase()] {
        let claims = serde_json::json!({"sub": spelling, "scope": "notifications:send"});
        let client = api.client().with_token(tokens::signed(&claims));
        let key = format!("spelling-{user}");
        ids.push(client.post_with_key(&body, &key).await.accepted());
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn without_a_key_the_same_request_twice_is_two_notifications() {
    let (world, api) = World::shared().await;
    let first = api.client().post(&world.in_app()).await.accepted();
    let second = api.client().post(&world.in_app()).await.accepted();
    assert_ne!(first, second);
    assert_eq!(first.as_uuid().get_version_num(), 7);
}

/// The copies are in one batch of the worker, or in several.
#[rstest]
#[case("256")]
#[case("7")]
#[tokio::test]
async fn a_message_published_fifty_times_is_one_row_and_leaves_nothing_behind(#[case] batch: &str) {
    let world = World::with(&[("INTAKE_BATCH_SIZE", batch)]).await;
    let amqp = world.declared(&[]).await;
    let message = amqp.intake_of(&world.wire());
    amqp.publish_all(vec![message; 50]).await;

    let mut worker = world.worker().await;
    eventually(secs(20), "all copies are seen", async || {
        let scrape = worker.metrics().await;
        scrape.sum("tidings_intake_duplicates_total", &[]) == 49
    })
    .await;
    let recorded = worker
        .metrics()
        .await
        .sum("tidings_intake_recorded_total", &[]);
    assert_eq!(recorded, 1);
    worker.stop().await;
    assert_eq!(world.database.count("status = 'processed'").await, 1);
    assert_eq!(amqp.intake_depth().await, 0, "all are acknowledged");
    assert_eq!(amqp.dead_letter_depth().await, 0);
}
