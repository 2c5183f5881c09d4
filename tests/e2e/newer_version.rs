//! Rows that a newer version of the programs has written.

use serde_json::json;
use tidings_domain::notification::Notification;
use tidings_tests::{World, eventually, secs};

/// The message waits for a worker that knows the status. It is no dead letter, and the row stays as it is.
#[tokio::test]
async fn a_message_whose_row_has_an_unknown_status_is_deferred_by_every_stage() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,sms")]).await;
    let api = world.api().await;
    let amqp = world.amqp().await;
    let payload = json!({"text": "Your order has shipped!", "to": "+4915112345678"});
    let body = json!({"targetUserId": world.user, "type": "sms", "payload": payload});
    let mut worker = world
        .start(
            tidings_tests::ProgramKind::Worker,
            &[("WORKER_CHANNELS", "intake")],
        )
        .await;
    let id = api.client().post(&body).await.accepted();
    world.until_status(id, "pending").await;
    worker.stop().await;
    let statement = format!(
        "ALTER TABLE notifications DROP CONSTRAINT notifications_status_check;
         UPDATE notifications SET status = 'of_tomorrow' WHERE message_id = '{id}'"
    );
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.batch_execute(&statement).await?));
    changed.await.expect("changed");
    // The same message again, so that the intake meets the row too.
    let copy = Notification {
        message_id: id,
        ..world.wire()
    };
    amqp.publish(amqp.intake_of(&copy)).await;
    let worker = world.worker().await;
    eventually(secs(30), "both messages wait", async || {
        amqp.depth("notifications.wait.30s").await == 2
    })
    .await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
    assert_eq!(world.database.count("status = 'of_tomorrow'").await, 1);
    drop((api, worker));
}
