//! What arrives late: by a retry, and without a wake.

use serde_json::json;
use tidings_tests::{World, eventually, secs};

use super::{notify, open, own};

/// The ladder has so many rungs that the notification is not a dead letter before the test lets it through.
#[tokio::test]
async fn what_is_recorded_by_a_retry_arrives_after_a_newer_one_and_without_wakes_by_a_look() {
    let world = World::with(&[
        ("INBOX_POLL_MS", "300"),
        ("RETRY_BASE_DELAY_MS", "2000"),
        ("RETRY_MULTIPLIER", "1"),
        ("MAX_RETRIES", "15"),
    ])
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let (service, client) = (api.client(), own(&api.client(), world.user));
    let mut stream = open(&client, "").await;
    stream.expect("counts").await;
    let database = world.database.pool.dedicated_client().await;
    let database = database.expect("a connection");
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                      $$ BEGIN RAISE EXCEPTION 'told to' USING ERRCODE = 'XX000'; END $$;
                  CREATE TRIGGER refuse BEFORE INSERT ON notifications FOR EACH ROW
                      WHEN (NEW.payload->>'title' = 'late') EXECUTE FUNCTION refuse()";
    database.batch_execute(refuse).await.expect("a trigger");
    let mut late = world.in_app();
    late["payload"]["title"] = json!("late");
    let late = service.post(&late).await.accepted();
    eventually(secs(60), "it is retried", async || {
        let scrape = worker.metrics().await;
        scrape.sum("tidings_messages_retried_total", &["processing_failed"]) > 0
    })
    .await;
    let newer = notify(&world, &service, 1).await[0];
    assert!(late.as_uuid() < newer.as_uuid());
    let item = stream.expect("notification").await;
    assert_eq!(item["messageId"], json!(newer));
    assert_eq!(stream.expect("counts").await["unread"], 1);
    let allow = "DROP TRIGGER refuse ON notifications";
    database.batch_execute(allow).await.expect("no trigger");
    let item = stream.expect("notification").await;
    assert_eq!(item["messageId"], json!(late));
    assert_eq!(stream.expect("counts").await["unread"], 2);

    // From now on no wake reaches the API: its queue is bound to an exchange that does not exist any more.
    let path = ["exchanges", &world.vhost.name, "notifications.wakes"];
    world.vhost.management.delete(&path).await.expect("deleted");
    let before = stream.last_id.clone();
    let unannounced = notify(&world, &service, 1).await[0];
    let item = stream.expect("notification").await;
    assert_eq!(item["messageId"], json!(unannounced));
    assert_eq!(stream.expect("counts").await["unread"], 3);
    assert_ne!(stream.last_id, before);
}
