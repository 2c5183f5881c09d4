//! Responses of a receiver and their consequences.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::Value;
use tidings_tests::secs;
use tidings_tests::{MockHttpServer, Response, eventually, outcomes};

use super::{post, world};

/// Starts a receiver that gives this response to its first `n` requests and 200 to all others.
async fn receiver_with_first(n: usize, response: Response) -> MockHttpServer {
    let seen = AtomicUsize::new(0);
    MockHttpServer::start(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        so_far if so_far < n => response.clone(),
        _ => Response::status(200),
    })
    .await
}

/// Returns the times between consecutive requests.
fn gaps(receiver: &MockHttpServer) -> Vec<Duration> {
    let requests = receiver.requests();
    let gaps = requests.windows(2).map(|two| two[1].at - two[0].at);
    gaps.collect()
}

fn started(attempt: &Value) -> Timestamp {
    let text = attempt["startedAt"].as_str().expect("a time");
    text.parse().expect("RFC 3339")
}

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_three_requests_with_the_ladders_delays() {
    let world = world(&[("RETRY_BASE_DELAY_MS", "500"), ("RETRY_MULTIPLIER", "3")]).await;
    let receiver = receiver_with_first(2, Response::status(500).body("out of order")).await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, &receiver, 1).await;
    world.until_status(id, "processed").await;

    let attempts = api.client().attempts(id).await;
    let expected = [(0, "failed"), (1, "failed"), (2, "delivered")];
    assert_eq!(outcomes(&attempts), expected);
    for (attempt, delay) in attempts.windows(2).zip([500, 1500]) {
        assert_eq!(attempt[0]["provider"], "http");
        assert_eq!(
            attempt[0]["error"],
            "500 Internal Server Error: out of order"
        );
        assert!(attempt[0]["durationMs"].is_u64());
        let waited = started(&attempt[1]).duration_since(started(&attempt[0]));
        assert!(waited.as_millis() >= delay, "{waited}");
    }
    assert_eq!(attempts[2]["providerReference"], "200 OK");
    assert_eq!(attempts[2]["error"], Value::Null);

    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.header("webhook-id"), id.to_string());
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.json()["data"]["number"], 1);
    }
    let long_enough = gaps(&receiver)
        .into_iter()
        .zip([500, 1500])
        .all(|(gap, delay)| gap >= Duration::from_millis(delay));
    assert!(long_enough, "{:?}", gaps(&receiver));
    worker.stop().await;
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
}

#[rstest]
#[case(
    400,
    "rejected",
    "rejected_by_provider",
    "400 Bad Request: no such order"
)]
#[case(410, "gone", "address_gone", "410 Gone: no such order")]
#[tokio::test]
async fn a_rejected_webhook_becomes_a_dead_letter_at_once(
    #[case] status: u16,
    #[case] outcome: &str,
    #[case] reason: &str,
    #[case] words: &str,
) {
    let world = world(&[]).await;
    let answer = Response::status(status).body("no such order");
    let receiver = MockHttpServer::start(move |_| answer.clone()).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let amqp = world.amqp().await;
    let id = post(&world, &api, &receiver, 1).await;
    world.until_status(id, "failed").await;
    eventually(secs(20), "a dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let letter = amqp.dead_letters().await.remove(0);
    assert_eq!(letter.reason, reason);
    assert_eq!(letter.attempts, Some(1));
    assert_eq!(letter.message_id, Some(id.to_string()));
    let detail = letter.detail.unwrap_or_default();
    assert!(detail.contains(words), "{detail}");
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, outcome)]);
    assert_eq!(attempts[0]["error"], words);
    assert_eq!(receiver.count(), 1);
}

/// With no retries, a message that used its attempt would be a dead letter.
#[rstest]
#[case(429)]
#[case(503)]
#[tokio::test]
async fn retry_after_is_respected_and_uses_no_attempt(#[case] status: u16) {
    let world = world(&[("MAX_RETRIES", "0"), ("WEBHOOK_MAX_RETRIES", "0")]).await;
    let answer = Response::status(status).header("Retry-After", "2");
    let receiver = receiver_with_first(1, answer).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, &receiver, 1).await;
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "throttled"), (0, "delivered")]);
    let gaps = gaps(&receiver);
    assert!(gaps.len() == 1 && gaps[0] >= secs(2), "{gaps:?}");
    assert!(gaps[0] < secs(20), "{gaps:?}");
}
