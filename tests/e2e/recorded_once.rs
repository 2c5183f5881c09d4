//! Everything that was accepted is recorded once.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use tidings_tests::{World, eventually_ok, secs};
use uuid::Uuid;

const POSTED: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_posts_become_ten_thousand_rows_and_the_queue_is_empty() {
    let world = World::new().await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let (client, body) = (api.client(), world.in_app());

    let post = |_| async { client.post(&body).await.accepted().as_uuid() };
    let posting = stream::iter(0..POSTED).map(post).buffer_unordered(64);
    let answered: BTreeSet<Uuid> = posting.collect().await;
    assert_eq!(answered.len(), POSTED, "every request has an id of its own");

    eventually_ok(secs(120), "all are processed", async || {
        let processed = world.database.count("status = 'processed'").await;
        if processed == 10_000 {
            Ok(())
        } else {
            Err(format!("{processed} processed"))
        }
    })
    .await;
    let recorded = world.database.message_ids().await;
    assert!(
        recorded.into_iter().eq(answered),
        "the ids answered, each once"
    );

    let scrape = api.metrics().await;
    let accepted = scrape.sum("tidings_notifications_accepted_total", &["type=\"in-app\""]);
    assert_eq!(accepted, 10_000);
    let recorded = worker
        .metrics()
        .await
        .sum("tidings_intake_recorded_total", &[]);
    assert_eq!(recorded, 10_000);

    // After the worker has stopped, the queues contain what it had not acknowledged.
    worker.stop().await;
    api.stop().await;
    let amqp = world.amqp().await;
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}
