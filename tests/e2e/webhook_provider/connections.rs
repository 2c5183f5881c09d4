//! Connections that stay open for further requests.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tidings_tests::{MockHttpServer, Response, eventually_ok};
use tidings_worker::providers::SendOutcome;

use super::{send, sender};

const HOSTS: usize = 1500;

/// The bound.
const MAX_KEPT: usize = 512;

/// Shorter than the time after which an idle connection is closed in any case.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_to_many_hosts_are_bounded() {
    let receiver = MockHttpServer::start_everywhere(|_| Response::status(204)).await;
    let sender = sender(&[("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")]);
    let url = |host: usize| {
        let (high, low) = (host / 256, host % 256);
        format!("http://127.9.{high}.{low}:{}/hooks", receiver.port())
    };
    let sending = stream::iter(0..HOSTS).map(async |host| send(&sender, &url(host)).await);
    let outcomes: Vec<_> = sending.buffer_unordered(64).collect().await;
    let delivered = |outcome: &SendOutcome| matches!(outcome, SendOutcome::Delivered { .. });
    assert!(outcomes.iter().all(delivered));
    assert_eq!(receiver.count(), HOSTS);
    eventually_ok(SOON, "the others are closed", async || {
        match receiver.open_connections() {
            open if open <= MAX_KEPT => Ok(()),
            open => Err(format!("{open} are open")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_hosts_keep_the_connections_that_they_use_at_once() {
    let receiver = MockHttpServer::start_everywhere(|_| Response::status(204)).await;
    let sender = sender(&[("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")]);
    let url = |number: usize| {
        let host = number % 2 + 1;
        format!("http://127.9.0.{host}:{}/hooks", receiver.port())
    };
    let sending = stream::iter(0..HOSTS).map(async |number| send(&sender, &url(number)).await);
    let sent = sending.buffer_unordered(64).count().await;
    assert_eq!((sent, receiver.count()), (HOSTS, HOSTS));
    let connections = receiver.connections();
    assert!(connections <= 128, "{connections} connections were opened");
}
