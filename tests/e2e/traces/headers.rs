//! The headers `traceparent` and `tracestate` follow a notification, although no spans are sent.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;
use tidings_broker::raw::message::BasicGetMessage;
use tidings_broker::raw::options::{BasicGetOptions, BasicNackOptions};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_broker::{Envelope, Failure, MessageFactory, Outgoing, WaitTime};
use tidings_tests::{
    Amqp, AmqpMessage, ProgramKind, World, eventually, eventually_ok, secs, text_header,
};

use super::{STATE, TRACE, fail, post, traceparent};
use crate::delivery::sms;

/// Takes the next message of the queue for text messages, which no worker consumes.
async fn take(amqp: &Amqp) -> BasicGetMessage {
    let queue = format!("{}.sms", amqp.settings.names.queue);
    let options = BasicGetOptions { no_ack: false };
    eventually_ok(secs(60), "a message", async || {
        let got = amqp.channel.basic_get(queue.as_str().into(), options).await;
        got.map_err(|error| error.to_string())?
            .ok_or("the queue is empty".to_owned())
    })
    .await
}

/// Takes the next message, which must have the headers of the caller.
async fn take_traced(amqp: &Amqp, way: &str) -> BasicGetMessage {
    let message = take(amqp).await;
    let header = |name| text_header(&message.properties, name);
    assert_eq!(header("traceparent"), Some(traceparent(true)), "{way}");
    assert_eq!(header("tracestate"), Some(STATE.to_owned()), "{way}");
    message
}

fn envelope(message: &BasicGetMessage) -> Envelope {
    let key = message.routing_key.as_str();
    Envelope::new(key, message.properties.clone(), message.data.clone())
}

async fn publish(amqp: &Amqp, message: Outgoing) {
    let message = AmqpMessage {
        exchange: message.exchange().to_string(),
        routing_key: message.routing_key().to_string(),
        properties: message.properties().clone(),
        body: message.body().to_vec(),
    };
    amqp.publish(message).await;
}

#[tokio::test]
async fn the_context_of_a_caller_follows_its_notification_wherever_it_waits() {
    let world = World::with(&[
        ("WORKER_CHANNELS", "intake,scheduler,events"),
        ("RETRY_BASE_DELAY_MS", "50"),
        ("GRPC_PORT", "0"),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.start(ProgramKind::Api, &[]), world.worker());
    let (client, amqp) = (api.client(), world.amqp().await);
    let factory = MessageFactory::new(&amqp.settings);
    let body = sms(&world, "hello");
    let parent = traceparent(true);
    let headers = [("traceparent", parent.as_str()), ("tracestate", STATE)];

    let id = post(&client, &body, &headers).await.accepted();
    let message = take_traced(&amqp, "the queue").await;
    // Back to its queue through the ladder.
    let nacked = message.acker.nack(BasicNackOptions::default()).await;
    assert!(nacked.expect("a channel"));
    let message = take_traced(&amqp, "the ladder").await;
    assert!(message.routing_key.as_str().starts_with("attempt.1."));
    publish(
        &amqp,
        factory.deferred(&envelope(&message), WaitTime::Second, None),
    )
    .await;
    let message = take_traced(&amqp, "a wait queue").await;
    let at = Timestamp::now() + SignedDuration::from_secs(1);
    let mut later = body.clone();
    later["sendAt"] = json!(at.to_string());
    let later = post(&client, &later, &headers).await;
    assert_eq!(later.status, 202);
    take_traced(&amqp, "a row that waits for its time").await;

    fail(&world, id).await;
    let filter = json!({"filter": {"ids": [id]}});
    let request = client
        .request(Method::POST, "/api/dead-letters/replay")
        .json(&filter);
    let job = client.send(request).await;
    assert_eq!(job.status, 202, "{}", job.text);
    take_traced(&amqp, "a replay by a job").await;
    // Until its end, it looks for copies in the dead-letter queue.
    let path = format!("/api/jobs/{}", job.body["id"].as_str().unwrap_or_default());
    eventually(secs(60), "the end of the job", async || {
        client.get(&path).await.body["state"] == "done"
    })
    .await;
    fail(&world, id).await;
    let failure = Failure::new("told_to", "by a test");
    publish(&amqp, factory.dead_letter(&envelope(&message), &failure)).await;
    let replayed = world.tidings(&["dlq", "replay", "--from-queue", "--reason", "told_to"]);
    assert!(replayed.status.success(), "{replayed:?}");
    take_traced(&amqp, "a replay from the queue").await;
    fail(&world, id).await;
    let replayed = world.tidings(&[
        "dlq",
        "replay",
        "--from-queue",
        "--rows",
        "--id",
        &id.to_string(),
    ]);
    assert!(replayed.status.success(), "{replayed:?}");
    take_traced(&amqp, "a replay of rows").await;

    let request = client.batch(&json!({"notifications": [body, body]}));
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    assert_eq!(client.send(request).await.status, 202);
    for _ in 0..2 {
        take_traced(&amqp, "a batch").await;
    }
    crate::grpc::send(&api, &body, &headers).await;
    take_traced(&amqp, "gRPC").await;
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let mut event = body.clone();
    event["payload"] = json!({"text": "hello"});
    let event = amqp.to_intake(event.to_string());
    amqp.publish(AmqpMessage {
        exchange: amqp.settings.names.events_exchange(),
        routing_key: "notification.send".to_owned(),
        properties: event.properties.with_headers(table),
        ..event
    })
    .await;
    take_traced(&amqp, "an event").await;
    let found = client.get(&format!("/api/notifications/{id}")).await.body;
    assert_eq!(
        (&found["traceId"], found.get("traceUrl")),
        (&json!(TRACE), None)
    );
}

#[tokio::test]
async fn invalid_headers_are_ignored() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let (client, amqp) = (api.client(), world.amqp().await);
    let body = sms(&world, "hello");
    let (parent, long) = (traceparent(true), format!("a={}", "x".repeat(600)));
    for (headers, expected) in [
        (vec![("traceparent", "00-0-0-01")], (None, None)),
        (
            vec![("traceparent", "nothing"), ("tracestate", STATE)],
            (None, None),
        ),
        (
            vec![("traceparent", &*parent), ("traceparent", &*parent)],
            (None, None),
        ),
        (vec![("tracestate", STATE)], (None, None)),
        (
            vec![("traceparent", &*parent), ("tracestate", &*long)],
            (Some(&parent), None),
        ),
    ] {
        let id = post(&client, &body, &headers).await.accepted();
        let message = take(&amqp).await;
        let header = |name| text_header(&message.properties, name);
        let found = (header("traceparent"), header("tracestate"));
        assert_eq!((found.0.as_ref(), found.1), expected, "{headers:?}");
        let row = client.get(&format!("/api/notifications/{id}")).await.body;
        assert_eq!(
            row.get("traceId").is_some(),
            expected.0.is_some(),
            "{headers:?}"
        );
    }
}
