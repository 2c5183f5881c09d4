//! Providers and receivers of webhooks get nothing of a caller's trace.

use serde_json::json;
use tidings_tests::{MockHttpServer, Response, secs};

use super::receiver::OtlpReceiver;
use super::{STATE, TRACE, post, traceparent};
use crate::delivery::{accepted_response, sms, world};

/// Stands in for Twilio, `SendGrid` and the receiver of a webhook.
async fn provider() -> MockHttpServer {
    MockHttpServer::start(|request| {
        if request.path.ends_with("/Messages.json") {
            accepted_response()
        } else {
            Response::status(202)
        }
    })
    .await
}

#[tokio::test]
async fn no_provider_gets_the_trace_of_a_caller() {
    let (collector, provider) = tokio::join!(OtlpReceiver::start(), provider());
    // The trace is recorded: each send has a span, which a client could propagate.
    let mut settings = collector.settings();
    settings.push(("SENDGRID_BASE_URL", provider.url("")));
    let mut settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    settings.extend([
        ("WORKER_CHANNELS", "intake,sms,email,webhook"),
        ("EMAIL_PROVIDER", "sendgrid"),
        ("SENDGRID_API_KEY", "SG.a-key-for-tests"),
        ("SMTP_FROM", "tidings@example.com"),
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
    ]);
    let world = world(&provider, &settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let email = json!({
        "targetUserId": world.user,
        "type": "email",
        "payload": {"to": "anna@example.com", "subject": "Hello", "text": "hello"},
    });
    let webhook = json!({
        "targetUserId": world.user,
        "type": "webhook",
        "payload": {"to": provider.url("/hook"), "event": "hello", "data": {}},
    });
    let headers = [("traceparent", &*traceparent(true)), ("tracestate", STATE)];
    for body in [sms(&world, "hello"), email, webhook] {
        let id = post(&client, &body, &headers).await.accepted();
        world.until_status(id, "processed").await;
    }

    provider.until_received(secs(60), 3).await;
    let requests = provider.requests();
    let mut paths: Vec<&str> = requests.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    assert!(
        paths[0].ends_with("/Messages.json") && paths[1..] == ["/hook", "/v3/mail/send"],
        "{paths:?}"
    );
    for request in &requests {
        for name in ["traceparent", "tracestate", "baggage"] {
            assert!(!request.headers.contains_key(name), "{name}: {request:?}");
        }
        let text = format!("{:?}", request.headers);
        assert!(!text.contains(TRACE), "{text}");
    }
}
