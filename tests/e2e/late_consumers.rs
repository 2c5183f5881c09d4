//! RabbitMQ answers later than the worker waits.

use tidings_tests::{LateConsume, Program, ProgramKind, World, eventually_ok, secs};

const POSTED: i64 = 20;

/// A consumer that RabbitMQ confirms too late gets messages, too. It must not hold them for ever.
#[tokio::test]
async fn what_a_consumer_gets_that_is_confirmed_too_late_is_recorded() {
    let world = World::new().await;
    let broker: reqwest::Url = world.vhost.url().parse().expect("a URL");
    let host = broker.host_str().expect("a host").to_owned();
    let proxy = LateConsume::start((host, broker.port().unwrap_or(5672))).await;
    let mut through = broker.clone();
    through.set_port(Some(proxy.port())).expect("a port");
    through.set_host(Some("127.0.0.1")).expect("a host");

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
