//! One trace from a caller's `traceparent` through the POST, the queue, the row, a retry and the provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::json;
use tidings_tests::{MockHttpServer, Response, secs, tokens};

use super::receiver::{OtlpReceiver, ReceivedSpan};
use super::{CALLER, STATE, TRACE, fail, post, traceparent};
use crate::delivery::{accepted_response, sms, world};

/// A caller that does not record its trace.
const UNRECORDED: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// The provider fails the first send of each message.
async fn provider() -> MockHttpServer {
    let sends = Arc::new(AtomicUsize::new(0));
    MockHttpServer::start(move |_| match sends.fetch_add(1, Ordering::SeqCst) {
        0 => Response::status(500),
        _ => accepted_response(),
    })
    .await
}

#[tokio::test]
async fn one_trace_leads_from_the_caller_to_the_provider() {
    let (receiver, twilio) = tokio::join!(OtlpReceiver::start(), provider());
    let settings = receiver.settings();
    let mut settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    settings.extend([
        ("MAX_RETRIES", "2"),
        ("RETRY_BASE_DELAY_MS", "50"),
        // Only callers decide.
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
        // A confirm that is late must not make the API record a notification too.
        ("PUBLISH_TIMEOUT_MS", "120000"),
        ("ACCEPT_HEDGE_MS", "60000"),
        (
            "TRACE_URL_TEMPLATE",
            "https://traces.example.com/trace/{traceId}",
        ),
    ]);
    let world = world(&twilio, &settings).await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();

    let body = sms(&world, "a text that no span contains");
    let headers = [("traceparent", &*traceparent(true)), ("tracestate", STATE)];
    let id = post(&client, &body, &headers).await.accepted();
    world.until_status(id, "processed").await;
    // Neither is recorded: its caller does not record it, or there is none.
    let unrecorded = post(&client, &body, &[("traceparent", UNRECORDED)])
        .await
        .accepted();
    let alone = post(&client, &body, &[]).await.accepted();
    world.until_status(unrecorded, "processed").await;
    world.until_status(alone, "processed").await;

    let path = format!("/api/notifications/{id}");
    let url = format!("https://traces.example.com/trace/{TRACE}");
    for path in [path.clone(), format!("{path}/timeline")] {
        let found = client.get(&path).await.body;
        assert_eq!(
            (&found["traceId"], &found["traceUrl"]),
            (&json!(TRACE), &json!(url))
        );
        let own = client.with_token(tokens::scoped(world.user, "notifications:read"));
        let found = own.get(&path).await.body;
        assert_eq!(
            (&found["traceId"], found.get("traceUrl")),
            (&json!(TRACE), None)
        );
    }
    let found = client
        .get(&format!("/api/notifications/{unrecorded}"))
        .await
        .body;
    assert_eq!(found["traceId"], "1af7651916cd43dd8448eb211c80319c");
    let found = client
        .get(&format!("/api/notifications/{alone}"))
        .await
        .body;
    assert_eq!(found.get("traceId"), None);
    let shown = world.tidings(&["notifications", "show", &id.to_string()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&format!("trace {TRACE}  {url}")), "{shown}");

    // Their spans are sent at the end.
    for program in [&mut api, &mut worker] {
        program.sigterm();
        assert!(program.exit_within(secs(60)).await.success());
    }
    let spans = receiver.spans();
    check_trace(&spans, &id.to_string());
    for span in &spans {
        let text = span.text();
        for part in [
            "4915112345678",
            "no span contains",
            "a-token",
            "secret",
            "eyJ",
        ] {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }
    let id = unrecorded.to_string();
    assert!(spans.iter().all(|span| !span.text().contains(&id)));
}

/// Checks the way of a message whose first send failed.
fn check_trace(spans: &[ReceivedSpan], id: &str) {
    let own: Vec<&ReceivedSpan> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let children = |parent: &str| -> Vec<&ReceivedSpan> {
        own.iter()
            .copied()
            .filter(|span| span.parent == parent)
            .collect()
    };
    let only = |found: Vec<&ReceivedSpan>| -> ReceivedSpan {
        assert_eq!(found.len(), 1, "{found:#?}\n{own:#?}");
        found[0].clone()
    };
    let request = only(children(CALLER));
    assert_eq!(
        (request.name.as_str(), request.kind),
        ("POST /api/notifications", SpanKind::Server)
    );
    assert_eq!(
        (request.service.as_str(), request.state.as_str()),
        ("tidings-api", STATE)
    );
    assert_eq!(request.attribute("http.response.status_code"), "202");
    let published = only(children(&request.id));
    assert_eq!(published.kind, SpanKind::Producer);
    assert_eq!(published.attribute("messaging.message.id"), id);
    let after = children(&published.id);
    let recorded = after
        .iter()
        .filter(|span| span.kind == SpanKind::Client)
        .copied();
    let recorded = only(recorded.collect());
    assert_eq!(
        (recorded.name.as_str(), recorded.service.as_str()),
        ("INSERT notifications", "tidings-worker")
    );
    let passed_on = only(
        after
            .iter()
            .filter(|span| span.kind == SpanKind::Producer)
            .copied()
            .collect(),
    );
    assert_eq!(after.len(), 2, "{after:#?}");
    let processed = children(&passed_on.id);
    let attempts: Vec<_> = processed
        .iter()
        .map(|span| {
            (
                span.kind,
                span.attribute("tidings.attempt"),
                span.attribute("tidings.outcome"),
            )
        })
        .collect();
    let consumer = SpanKind::Consumer;
    assert_eq!(
        attempts,
        [(consumer, "0", "retry"), (consumer, "1", "done")]
    );
    let queue = processed[0].attribute("messaging.destination.name");
    assert!(queue.ends_with(":notifications_queue.sms"), "{queue}");
    let sends: Vec<_> = processed
        .iter()
        .map(|span| only(children(&span.id)))
        .collect();
    let outcomes = sends
        .iter()
        .map(|send| (send.kind, send.attribute("tidings.outcome"), send.failed));
    let client = SpanKind::Client;
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [(client, "failed", true), (client, "delivered", false)]
    );
    assert!(
        sends
            .iter()
            .all(|send| send.attribute("tidings.provider") == "twilio")
    );
    // The request, its publish, the row, the next publish, and two attempts with a send each.
    assert_eq!(own.len(), 8, "{own:#?}");

    // The batch begins a trace of its own.
    let batch = only(spans.iter().filter(|span| span.trace != TRACE).collect());
    assert_eq!(
        (batch.name.as_str(), batch.kind),
        ("process notifications_queue", consumer)
    );
    assert_eq!(
        (batch.parent.as_str(), batch.links.as_slice()),
        ("", &[(TRACE.to_owned(), published.id)][..])
    );
    assert_eq!(recorded.links, [(batch.trace, batch.id)]);
}

#[tokio::test]
async fn a_replay_begins_a_trace_that_is_linked_to_the_first() {
    let receiver = OtlpReceiver::start().await;
    let world = receiver
        .world(&[("WORKER_CHANNELS", "intake,scheduler")])
        .await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let headers = [("traceparent", &*traceparent(true))];
    let id = post(&client, &sms(&world, "hello"), &headers)
        .await
        .accepted();
    world.until_status(id, "pending").await;
    fail(&world, id).await;
    let filter = json!({"filter": {"ids": [id]}});
    let request = client
        .request(Method::POST, "/api/dead-letters/replay")
        .json(&filter);
    assert_eq!(client.send(request).await.status, 202);
    let amqp = world.amqp().await;
    // Both messages: the first is not consumed, because no worker delivers.
    let queue = format!("{}.sms", amqp.settings.names.queue);
    tidings_tests::eventually(secs(60), "the replay", async || {
        amqp.depth(&queue).await == 2
    })
    .await;
    worker.sigterm();
    assert!(worker.exit_within(secs(60)).await.success());

    let spans = receiver.spans();
    let replay = spans.iter().find(|span| span.name == "replay notification");
    let replay = replay.unwrap_or_else(|| panic!("{spans:#?}"));
    assert_eq!(replay.parent, "");
    assert_ne!(replay.trace, TRACE);
    assert_eq!(replay.links.len(), 1);
    assert_eq!(replay.links[0].0, TRACE);
    let published = spans.iter().filter(|span| span.parent == replay.id);
    assert_eq!(
        published.map(|span| span.kind).collect::<Vec<_>>(),
        [SpanKind::Producer]
    );
}
