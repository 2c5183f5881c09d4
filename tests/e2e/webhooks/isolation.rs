//! Receivers that hang or fail do not affect others.

use tidings_broker::Stage;
use tidings_domain::notification::DeliveredChannel;
use tidings_tests::{MockHttpServer, Program, QueueState, Response, World, eventually, secs};

use super::{post, world};

/// More than the concurrency limit.
const EACH: usize = 40;

/// A hanging receiver blocks a slot for a minute: far longer than the others need.
async fn patient_world() -> World {
    world(&[
        ("PROVIDER_TIMEOUT_SECS", "60"),
        ("DELIVERY_LEASE_SECS", "70"),
        ("SHUTDOWN_TIMEOUT_SECS", "70"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_hang_or_fail_do_not_delay_others() {
    let world = patient_world().await;
    let hangs = MockHttpServer::start(|_| Response::silence()).await;
    let fails = MockHttpServer::start(|_| Response::status(500)).await;
    let works = MockHttpServer::start(|_| Response::status(204)).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    for number in 0..EACH {
        post(&world, &api, &hangs, number).await;
        post(&world, &api, &fails, number).await;
    }
    hangs.until_received(secs(30), 1).await;
    fails.until_received(secs(30), 1).await;

    let mut ids = Vec::new();
    for number in 0..EACH {
        ids.push(post(&world, &api, &works, number).await);
    }
    let in_app = api.client().post(&world.in_app()).await.accepted();
    world.until_status(in_app, "processed").await;
    for id in ids {
        world.until_status(id, "processed").await;
    }
    assert_none_given_up(&worker).await;
    assert_eq!(works.count(), EACH);
    assert!(hangs.count() < EACH, "most of them never had a slot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_does_not_delay_the_acknowledgements_of_others() {
    let world = patient_world().await;
    let hangs = MockHttpServer::start(|_| Response::silence()).await;
    let works = MockHttpServer::start(|_| Response::status(204)).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    post(&world, &api, &hangs, 0).await;
    // The consumer has this message before all others.
    hangs.until_received(secs(30), 1).await;
    let mut ids = Vec::new();
    for number in 0..EACH {
        ids.push(post(&world, &api, &works, number).await);
    }
    for id in ids {
        world.until_status(id, "processed").await;
    }
    let stage = Stage::Delivery(DeliveredChannel::Webhook);
    let queue = stage.queue(&world.broker_settings(&[]).names);
    let expected = QueueState {
        ready: 0,
        unacked: 1,
    };
    eventually(
        secs(30),
        "only one message is not acknowledged",
        async || {
            let management = &world.vhost.management;
            management.queue(&world.vhost.name, &queue).await == Some(expected)
        },
    )
    .await;
    assert_none_given_up(&worker).await;
}

/// Twice the concurrency limit.
const SILENT: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hanging_receivers_do_not_delay_a_working_one() {
    let world = patient_world().await;
    let works = MockHttpServer::start(|_| Response::status(204)).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let first = post(&world, &api, &works, 0).await;
    world.until_status(first, "processed").await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let receiver = MockHttpServer::start(|_| Response::silence()).await;
        post(&world, &api, &receiver, 0).await;
        silent.push(receiver);
    }
    silent[0].until_received(secs(30), 1).await;

    let mut ids = Vec::new();
    for number in 1..=EACH {
        ids.push(post(&world, &api, &works, number).await);
    }
    for id in ids {
        world.until_status(id, "processed").await;
    }
    assert_none_given_up(&worker).await;
}

/// Three times the concurrency limit.
const FIRST_SILENT: usize = 48;

/// New receivers that answer, and webhooks to each of them.
const NEW: usize = 8;
const TO_EACH: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_hanging_receivers_than_sends_do_not_delay_new_ones() {
    let world = patient_world().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let mut silent = Vec::new();
    for _ in 0..FIRST_SILENT {
        let receiver = MockHttpServer::start(|_| Response::silence()).await;
        for number in 0..2 {
            post(&world, &api, &receiver, number).await;
        }
        silent.push(receiver);
    }
    // All of them hang at the same time.
    for receiver in &silent {
        receiver.until_received(secs(30), 1).await;
    }

    for _ in 0..NEW {
        let works = MockHttpServer::start(|_| Response::status(204)).await;
        let mut ids = Vec::new();
        for number in 0..TO_EACH {
            ids.push(post(&world, &api, &works, number).await);
        }
        for id in ids {
            world.until_status(id, "processed").await;
        }
        assert_eq!(works.count(), TO_EACH);
    }
    assert_none_given_up(&worker).await;
}

/// Checks that the worker still waits for every receiver that hangs: whatever has been delivered until
/// now did not wait for one.
async fn assert_none_given_up(worker: &Program) {
    let metrics = worker.metrics().await;
    let given_up = metrics.sum("tidings_delivery_attempts_total", &["unknown"]);
    assert_eq!(given_up, 0, "a receiver that hangs was given up");
}
