//! Events wait for PostgreSQL.

use serde_json::json;
use tidings_tests::{ServerUrls, TestDatabase, World, eventually, secs};
use uuid::Uuid;

use super::{STAGES, event, make_user, until_recorded};

/// Ends the sessions of a database, and lets nobody connect. PostgreSQL refuses this from within the database.
const CLOSE: &str = "ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false;
                     SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = '{name}'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_held_while_postgresql_is_away() {
    let world = World::with(&[STAGES]).await;
    make_user(&world, Uuid::now_v7().into(), "anna@example.com").await;
    let worker = world.worker().await;
    let another = TestDatabase::empty(&ServerUrls::shared()).await;
    let client = another.pool.dedicated_client().await;
    let client = client.expect("a connection to another database");
    let url: reqwest::Url = world.database.url().parse().expect("a URL");
    let name = url.path().trim_start_matches('/');
    let close = CLOSE.replace("{name}", name);
    client.batch_execute(&close).await.expect("closed");

    let amqp = world.amqp().await;
    let body = json!({"recipient": "anna@example.com", "subject": "a", "body": "b"});
    let mut rows = world.in_app();
    rows["payload"]["title"] = "needs no PostgreSQL".into();
    amqp.publish(event(&amqp, "notification.send", &rows)).await;
    let translated = "tidings_events_translated_total";
    let count = async |name| worker.metrics().await.sum(translated, &[name]);
    eventually(secs(30), "it is translated", async || {
        count("notification.send").await == 1
    })
    .await;
    // A category that the worker does not know may have been created since.
    let mut unknown = world.in_app();
    unknown["category"] = "perhaps-new".into();
    amqp.publish(event(&amqp, "notification.send", &unknown))
        .await;
    let until_tried = async |what| {
        let held = || worker.logs().count("messages are held");
        let before = held();
        eventually(secs(30), what, async || held() > before + 3).await;
    };
    until_tried("the unknown category has been tried often").await;
    let events = (0..3).map(|_| event(&amqp, "email.send", &body));
    amqp.publish_all(events).await;
    until_tried("the events have been tried often").await;
    assert_eq!(count("email.send").await, 0);
    assert_eq!(count("notification.send").await, 1);
    assert_eq!(amqp.dead_letter_depth().await, 0);

    let open = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true");
    client.batch_execute(&open).await.expect("open");
    until_recorded(&world, 4, "sender = 'events'").await;
    eventually(secs(30), "the unknown category is refused", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let refused = amqp.dead_letters().await;
    assert_eq!(refused[0].reason, "unknown_category");
}
