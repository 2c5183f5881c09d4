//! Only one worker at a time sends a row, and no worker sends a row that is finished.

use std::time::Duration;

use tidings_broker::MessageFactory;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, LeaseToken};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{MockHttpServer, Program, ProgramKind, World, eventually, outcomes, secs};

use super::{accepted_response, post, world};

/// Posts a message, which a worker without delivery records before it stops.
async fn pending(world: &World, api: &Program) -> MessageId {
    let only_intake = [("WORKER_CHANNELS", "intake")];
    let mut intake = world.start(ProgramKind::Worker, &only_intake).await;
    let id = post(world, api, "hello").await;
    world.until_status(id, "pending").await;
    intake.stop().await;
    id
}

#[tokio::test]
async fn a_message_whose_row_another_worker_has_claimed_waits_without_an_attempt() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[("MAX_RETRIES", "0")]).await;
    let api = world.api().await;
    let id = pending(&world, &api).await;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    // Shorter than the second wait queue, so that the message comes back every second.
    let lease = Duration::from_secs(29);
    let request = ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let claim = notifications::claim(&*client, DeliveredChannel::Sms, &[request], lease).await;
    assert!(matches!(claim.as_deref(), Ok([ClaimResult::Claimed(_)])));

    let worker = world.worker().await;
    eventually(secs(30), "it was deferred", async || {
        worker
            .metrics()
            .await
            .sum("tidings_messages_deferred_total", &[])
            > 0
    })
    .await;
    assert_eq!(twilio.count(), 0);
    let expire = "UPDATE notifications SET lease_until = now()";
    client.execute(expire, &[]).await.expect("expired");
    world.until_status(id, "processed").await;
    assert_eq!(twilio.count(), 1);
    assert_eq!(
        outcomes(&api.client().attempts(id).await),
        [(0, "delivered")]
    );
}

#[tokio::test]
async fn copies_of_a_message_are_sent_once() {
    let twilio =
        MockHttpServer::start(|_| accepted_response().after(Duration::from_millis(300))).await;
    let world = world(&twilio, &[]).await;
    let api = world.api().await;
    let id = pending(&world, &api).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let settings = world.broker_settings(&[]);
    let (publisher, publishing) =
        tidings_broker::Publisher::start(settings.clone(), "tests", |_| {}, stop.clone());
    eventually(secs(20), "the publisher is connected", async || {
        publisher.is_connected()
    })
    .await;
    let message_factory = MessageFactory::new(&settings);
    for _ in 0..5 {
        let copy = message_factory.delivery(DeliveredChannel::Sms, id, None);
        publisher.publish(copy).await.expect("confirmed");
    }
    let nobody = MessageId::generate();
    publisher
        .publish(message_factory.delivery(DeliveredChannel::Sms, nobody, None))
        .await
        .expect("confirmed");
    stop.cancel();
    publishing.await.expect("its end");

    let _worker = world.worker().await;
    world.until_status(id, "processed").await;
    let amqp = world.amqp().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Sms);
    let waiting = amqp.settings.names.wait("1s");
    eventually(secs(30), "all copies are gone", async || {
        amqp.depth(&queue).await + amqp.depth(&waiting).await == 0
    })
    .await;
    assert_eq!(twilio.count(), 1);
    let letters = amqp.dead_letters().await;
    assert_eq!(letters.len(), 1, "the request for a row that is not there");
    assert_eq!(letters[0].reason, "row_missing");
}
