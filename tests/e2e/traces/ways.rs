//! The spans of a trace for each way that a notification can take.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_tests::{
    Amqp, AmqpMessage, MockHttpServer, Program, ProgramKind, Received, Response, eventually, secs,
};

use super::receiver::{OtlpReceiver, ReceivedSpan};
use super::{CALLER, post};

/// No program listens on port 1.
const NO_BROKER: (&str, &str) = ("RABBITMQ_URL", "amqp://nobody@127.0.0.1:1/none");

/// The webhook that is throttled at first.
const THROTTLED: &str = "/throttled";

const GRPC: &str = "
api SERVER tidings.v1.Notifications/Send
  api PRODUCER publish notifications
    worker CLIENT INSERT notifications
    worker PRODUCER publish notifications
      worker CONSUMER process notifications_queue.webhook: done
        worker CLIENT send webhook: delivered";

const BATCH: &str = "
api SERVER POST /api/notifications/batch
  api PRODUCER publish notifications
    worker CLIENT INSERT notifications
  api PRODUCER publish notifications
    worker CLIENT INSERT notifications
    worker PRODUCER publish notifications
      worker CONSUMER process notifications_queue.webhook: done
        worker CLIENT send webhook: delivered";

const EVENT: &str = "
worker PRODUCER publish notifications
  worker CLIENT INSERT notifications";

const DEFERRED: &str = "
api SERVER POST /api/notifications
  api PRODUCER publish notifications
    worker CLIENT INSERT notifications
    worker PRODUCER publish notifications
      worker CONSUMER process notifications_queue.webhook: deferred
        worker CLIENT send webhook: throttled, failed
      worker CONSUMER process notifications_queue.webhook: done
        worker CLIENT send webhook: delivered";

/// The API records the notification, and the scheduler publishes it.
const WITHOUT_BROKER: &str = "
api SERVER POST /api/notifications
  api CLIENT INSERT notifications
  api PRODUCER publish notifications, failed
  worker PRODUCER publish notifications
    worker CONSUMER process notifications_queue.webhook: done
      worker CLIENT send webhook: delivered";

/// The traces, in the order in which the notifications are sent.
const WAYS: [&str; 5] = [GRPC, BATCH, EVENT, DEFERRED, WITHOUT_BROKER];

/// The id of the trace of a way.
fn trace(way: &str) -> String {
    let number = WAYS.iter().position(|one| *one == way).expect("a way") + 1;
    format!("{number:032x}")
}

fn parent(way: &str) -> String {
    format!("00-{}-{CALLER}-01", trace(way))
}

async fn receiver_of_webhooks() -> MockHttpServer {
    let was_throttled = AtomicBool::new(false);
    MockHttpServer::start(move |request: &Received| {
        if request.path == THROTTLED && !was_throttled.swap(true, Ordering::SeqCst) {
            Response::status(429).header("retry-after", "1")
        } else {
            Response::status(200)
        }
    })
    .await
}

/// Publishes an event whose headers name the trace.
async fn publish_event(amqp: &Amqp, body: &Value) {
    let mut headers = FieldTable::default();
    let value = AMQPValue::LongString(parent(EVENT).into());
    headers.insert("traceparent".into(), value);
    let event = amqp.to_intake(body.to_string());
    amqp.publish(AmqpMessage {
        exchange: amqp.settings.names.events_exchange(),
        routing_key: "notification.send".to_owned(),
        properties: event.properties.with_headers(headers),
        ..event
    })
    .await;
}

#[tokio::test]
async fn each_way_of_a_notification_is_one_trace() {
    let (collector, receiver) = tokio::join!(OtlpReceiver::start(), receiver_of_webhooks());
    let world = collector
        .world(&[
            ("OTEL_TRACES_SAMPLER_ARG", "0"),
            ("WORKER_CHANNELS", "intake,events,scheduler,webhook"),
            ("WEBHOOK_PROVIDER", "http"),
            ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
            ("SCHEDULER_POLL_MS", "100"),
            ("GRPC_PORT", "0"),
            ("LOG_LEVEL", "debug"),
            // A confirm that is late must not make the API record a notification too.
            ("PUBLISH_TIMEOUT_MS", "120000"),
            ("ACCEPT_HEDGE_MS", "60000"),
        ])
        .await;
    let (mut api, mut worker, mut without_broker) = tokio::join!(
        world.api(),
        world.worker(),
        Program::start(ProgramKind::Api, world.settings(&[NO_BROKER])),
    );
    let webhook = |path: &str| {
        let payload = json!({"to": receiver.url(path), "event": "order.shipped", "data": {}});
        json!({"targetUserId": world.user, "type": "webhook", "payload": payload})
    };

    crate::grpc::send(&api, &webhook("/"), &[("traceparent", &parent(GRPC))]).await;
    let client = api.client();
    let batch = client.batch(&json!({"notifications": [webhook("/"), world.in_app()]}));
    let sent = client
        .send(batch.header("traceparent", parent(BATCH)))
        .await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    publish_event(&world.amqp().await, &world.in_app()).await;
    let headers = [("traceparent", &*parent(DEFERRED))];
    let _ = post(&client, &webhook(THROTTLED), &headers)
        .await
        .accepted();
    eventually(secs(60), "a scheduler is known", async || {
        let metrics = without_broker.metrics().await;
        metrics.sum("tidings_accepts_without_broker", &[]) == 1
    })
    .await;
    let headers = [("traceparent", &*parent(WITHOUT_BROKER))];
    let _ = post(&without_broker.client(), &webhook("/"), &headers)
        .await
        .accepted();
    eventually(secs(60), "all are processed", async || {
        world.database.count("status = 'processed'").await == 6
    })
    .await;

    for program in [&mut api, &mut without_broker, &mut worker] {
        program.sigterm();
        assert!(program.exit_within(secs(60)).await.success());
        assert_eq!(program.logs().count("a-secret"), 0);
    }
    let spans = collector.spans();
    for way in WAYS {
        let trace = trace(way);
        let own: Vec<_> = spans.iter().filter(|span| span.trace == trace).collect();
        assert_eq!(format!("\n{}", tree(&own, CALLER).join("\n")), way);
        let named = own
            .iter()
            .map(|span| span.attribute("messaging.message.id"));
        let named: BTreeSet<String> = named
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect();
        let rows = format!("trace_id = '{trace}'");
        let rows = world.database.message_ids_where(&rows).await;
        let rows: BTreeSet<String> = rows.iter().map(ToString::to_string).collect();
        assert_eq!(named, rows, "{way}");
    }
    // Every batch of the intake is linked to the traces of its messages.
    let batches = spans
        .iter()
        .filter(|span| span.name == "process notifications_queue");
    let linked = batches.flat_map(|batch| batch.links.iter().map(|(trace, _)| trace.clone()));
    let linked: BTreeSet<String> = linked.collect();
    assert_eq!(linked, [GRPC, BATCH, EVENT, DEFERRED].map(trace).into());
}

/// The spans below `parent`, one a line, in an order that does not depend on their times. A message that was deferred again
/// because it came back too early is left out.
fn tree(spans: &[&ReceivedSpan], parent: &str) -> Vec<String> {
    let children = spans.iter().filter(|span| span.parent == parent);
    let mut subtrees: Vec<Vec<String>> = children
        .map(|span| {
            let below = tree(spans, &span.id);
            let below = below.into_iter().map(|line| format!("  {line}"));
            std::iter::once(line(span)).chain(below).collect()
        })
        .filter(|lines: &Vec<String>| lines.len() > 1 || !lines[0].ends_with(": deferred"))
        .collect();
    subtrees.sort();
    subtrees.concat()
}

fn line(span: &ReceivedSpan) -> String {
    let program = span.service.replace("tidings-", "");
    let kind = format!("{:?}", span.kind).to_uppercase();
    let mut line = format!("{program} {kind} {}", span.name);
    let outcome = span.attribute("tidings.outcome");
    if !outcome.is_empty() {
        line.push_str(": ");
        line.push_str(outcome);
    }
    if span.failed {
        line.push_str(", failed");
    }
    line
}
