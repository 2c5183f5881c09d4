//! A receiver in trouble is nobody else's trouble.

use std::time::Instant;

use tidings_tests::{Receiver, Response, secs};

use super::{post, world};

/// More than there are slots to send in.
const EACH: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_hang_or_fail_hold_up_nobody_else() {
    // As long as a slot can be lost: far longer than the others may need.
    let world = world(&[
        ("PROVIDER_TIMEOUT_SECS", "60"),
        ("DELIVERY_LEASE_SECS", "70"),
    ])
    .await;
    let hangs = Receiver::start(|_| Response::silence()).await;
    let fails = Receiver::start(|_| Response::status(500)).await;
    let works = Receiver::start(|_| Response::status(204)).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    for number in 0..EACH {
        post(&world, &api, &hangs, number).await;
        post(&world, &api, &fails, number).await;
    }
    hangs.until_received(secs(30), 1).await;
    fails.until_received(secs(30), 1).await;

    let began = Instant::now();
    let mut ids = Vec::new();
    for number in 0..EACH {
        ids.push(post(&world, &api, &works, number).await);
    }
    let in_app = api.client().post(&world.in_app()).await.accepted();
    world.until_status(in_app, "processed").await;
    for id in ids {
        world.until_status(id, "processed").await;
    }
    assert!(began.elapsed() < secs(40), "{:?}", began.elapsed());
    assert_eq!(works.count(), EACH);
    assert!(hangs.count() < EACH, "most of them never had a slot");
}
