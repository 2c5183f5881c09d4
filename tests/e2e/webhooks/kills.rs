//! Kills of a worker during deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tidings_tests::{MockHttpServer, Response, eventually_ok, secs};

use super::{post, world};

const ALL: usize = 1000;

/// `WEBHOOK_CONCURRENCY`: sends at once.
const SLOTS: usize = 16;

const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_three_times_loses_no_webhook_and_duplicates_few_with_the_same_id() {
    // A message that used an attempt would not arrive in time.
    let world = world(&[
        ("RETRY_BASE_DELAY_MS", "600000"),
        ("WEBHOOK_CONCURRENCY", &SLOTS.to_string()),
        ("PROVIDER_TIMEOUT_SECS", "10"),
        ("DELIVERY_LEASE_SECS", "15"),
    ])
    .await;
    // Slow enough that requests are in flight at any time.
    let pace = Duration::from_millis(50);
    let receiver = MockHttpServer::start(move |_| Response::status(204).after(pace)).await;
    let api = world.api().await;
    let posting = |number| post(&world, &api, &receiver, number);
    let posted = stream::iter(0..ALL).map(posting).buffer_unordered(32);
    let posted: BTreeSet<_> = posted.map(|id| id.to_string()).collect().await;
    assert_eq!(posted.len(), ALL);

    let mut worker = world.worker().await;
    for _ in 0..KILLS {
        let before = receiver.count();
        receiver.until_received(secs(60), before + ALL / 5).await;
        worker.kill();
        assert!(receiver.count() < ALL, "much is still to be sent");
        worker.start_again().await;
    }
    eventually_ok(secs(120), "all are delivered", async || {
        match world.database.count("status = 'processed'").await {
            1000 => Ok(()),
            so_far => Err(format!("{so_far} are")),
        }
    })
    .await;
    worker.stop().await;

    let requests = receiver.requests();
    let mut by_number = BTreeMap::<u64, Vec<_>>::new();
    for request in &requests {
        let number = request.json()["data"]["number"].as_u64();
        let of_number = by_number.entry(number.expect("a number")).or_default();
        of_number.push((request.header("webhook-id"), &request.body));
    }
    assert_eq!(by_number.len(), ALL, "every one arrives");
    for same in by_number.values() {
        assert!(
            same.windows(2).all(|two| two[0] == two[1]),
            "the same again"
        );
    }
    let ids: BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids, posted);
    let again = requests.len() - ALL;
    assert!(again <= SLOTS * KILLS, "{again} arrived again");
    assert_eq!(world.database.count("retries_attempted > 0").await, 0);
    let amqp = world.amqp().await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
}
