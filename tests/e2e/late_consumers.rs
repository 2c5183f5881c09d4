//! RabbitMQ answers later than a program waits.

use std::time::Duration;

use tidings_broker::connect;
use tidings_tests::{LateAnswers, Program, ProgramKind, World, eventually, eventually_ok, secs};
use tokio::time::timeout;

const POSTED: i64 = 20;

/// A consumer that RabbitMQ confirms too late gets messages, too. It must not hold them for ever.
#[tokio::test]
async fn what_a_consumer_gets_that_is_confirmed_too_late_is_recorded() {
    let world = World::new().await;
    let proxy = LateAnswers::to_consume(broker_of(&world)).await;
    let through = through(&world, &proxy);

    let api = world.api().await;
    // Published before anybody consumes, so RabbitMQ delivers all of them to the first consumer.
    for _ in 0..POSTED {
        let _ = api.client().post(&world.in_app()).await.accepted();
    }
    let settings = world.settings(&[("RABBITMQ_URL", through.as_str())]);
    let worker = Program::start(ProgramKind::Worker, settings).await;
    eventually_ok(secs(60), "everything is recorded", async || {
        match world.database.count("status = 'processed'").await {
            POSTED => Ok(()),
            recorded => Err(format!("{recorded} of {POSTED}")),
        }
    })
    .await;
    assert!(proxy.is_over());
    let log = worker.logs().lines().join("\n");
    assert!(log.contains("RabbitMQ accepts no frames within"), "{log}");
}

/// A channel that nobody waits for any more must not stay open.
#[tokio::test]
async fn a_channel_that_opens_too_late_is_closed() {
    let world = World::new().await;
    let proxy = LateAnswers::to_open(broker_of(&world)).await;
    let settings = world.broker_settings(&[("RABBITMQ_URL", through(&world, &proxy).as_str())]);
    let connection = connect(&settings, "tidings-tests")
        .await
        .expect("a connection");
    let opening = timeout(Duration::from_millis(300), connection.create_channel()).await;
    assert!(opening.is_err(), "the answer is held back");
    assert!(!proxy.is_closed());
    proxy.pass();
    eventually(secs(20), "the channel is closed", async || {
        proxy.is_closed()
    })
    .await;
    // The connection and its other channels work.
    let channel = connection.create_channel().await;
    assert!(channel.expect("a channel").status().connected());
}

/// The host and the port of RabbitMQ.
fn broker_of(world: &World) -> (String, u16) {
    let broker: reqwest::Url = world.vhost.url().parse().expect("a URL");
    let host = broker.host_str().expect("a host").to_owned();
    (host, broker.port().unwrap_or(5672))
}

/// The URL of RabbitMQ behind the proxy.
fn through(world: &World, proxy: &LateAnswers) -> reqwest::Url {
    let mut url: reqwest::Url = world.vhost.url().parse().expect("a URL");
    url.set_port(Some(proxy.port())).expect("a port");
    url.set_host(Some("127.0.0.1")).expect("a host");
    url
}
