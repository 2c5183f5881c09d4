//! Messages whose outcome is unknown. The receivers count how often they arrive.

use rstest::rstest;
use serde_json::json;
use tidings_broker::DeadLetter;
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, Response, World, eventually_ok, outcomes, secs};

use super::{accepted_response, post, world};

/// Settings with which a provider counts as down after one failure and is probed at once. If an unknown outcome cost no
/// attempt, the same message would be sent again without end.
const IMPATIENT: [(&str, &str); 5] = [
    ("PROVIDER_TIMEOUT_SECS", "1"),
    ("BREAKER_FAILURES", "1"),
    ("BREAKER_PROBE_SECS", "1"),
    ("RETRY_BASE_DELAY_MS", "50"),
    ("RETRY_MULTIPLIER", "1"),
];

async fn only_dead_letter(world: &World, id: MessageId) -> DeadLetter {
    world.until_status(id, "failed").await;
    let amqp = world.amqp().await;
    eventually_ok(secs(30), "its dead letter", async || {
        let mut letters = amqp.dead_letters().await;
        match letters.len() {
            1 => Ok(letters.remove(0)),
            n => Err(n),
        }
    })
    .await
}

/// An answer that comes too late, is cut off, or cannot be read.
#[rstest]
#[case(accepted_response().after(secs(3)))]
#[case(Response::close())]
#[case(Response::raw("HTTP/1.1 20"))]
#[case(Response::raw("220 mail.example.com ESMTP\r\n"))]
#[tokio::test]
async fn a_text_message_with_an_unknown_outcome_arrives_at_most_three_times(
    #[case] answer: Response,
) {
    let twilio = MockHttpServer::start(move |_| answer.clone()).await;
    let world = world(&twilio, &[&IMPATIENT[..], &[("MAX_RETRIES", "9")]].concat()).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    let letter = only_dead_letter(&world, id).await;
    assert_eq!(letter.reason, "outcome_unknown");
    let detail = letter.detail.unwrap_or_default();
    assert!(detail.contains("sent 3 times"), "{detail}");
    assert!(detail.contains("may have arrived"), "{detail}");
    let unknown = [(0, "unknown"), (1, "unknown"), (2, "unknown")];
    assert_eq!(outcomes(&api.client().attempts(id).await), unknown);
    assert_eq!(twilio.count(), 3);
}

#[tokio::test]
async fn a_replay_of_a_message_with_an_unknown_outcome_says_so_and_starts_the_count_again() {
    let twilio = MockHttpServer::start(|_| Response::close()).await;
    let settings = [&IMPATIENT[..], &[("UNKNOWN_MAX", "0")]].concat();
    let world = world(&twilio, &settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    only_dead_letter(&world, id).await;
    assert_eq!(twilio.count(), 1);

    let list = world.tidings(&["dlq", "list"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("A replay may deliver it twice"), "{list}");
    for dry_run in [true, false] {
        let options: &[&str] = if dry_run { &["--dry-run"] } else { &[] };
        let replay =
            world.tidings(&[&["dlq", "replay", "--from-queue", "--all"], options].concat());
        let text = String::from_utf8_lossy(&replay.stdout).into_owned();
        assert!(text.contains("1 of them may arrive twice"), "{text}");
        assert!(text.contains(&id.to_string()), "{text}");
    }
    twilio.until_received(secs(30), 2).await;
    only_dead_letter(&world, id).await;
    assert_eq!(twilio.count(), 2);
}

#[tokio::test]
async fn an_outage_between_unknown_outcomes_neither_counts_nor_resets_the_count() {
    let mut twilio = MockHttpServer::start(|_| Response::close()).await;
    let settings = [
        &IMPATIENT[..],
        &[("MAX_RETRIES", "9"), ("UNKNOWN_MAX", "1")],
    ]
    .concat();
    let world = world(&twilio, &settings).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    twilio.until_received(secs(30), 1).await;
    twilio.stop().await;
    let failed = async || {
        let metrics = worker.metrics().await;
        let failed = metrics.sum("tidings_delivery_attempts_total", &["failed"]);
        if failed >= 3 { Ok(()) } else { Err(failed) }
    };
    eventually_ok(secs(60), "probes fail", failed).await;
    twilio.start_again().await;
    let letter = only_dead_letter(&world, id).await;
    assert_eq!(letter.reason, "outcome_unknown");
    assert_eq!(twilio.count(), 2);
    let attempts = api.client().attempts(id).await;
    let counted = outcomes(&attempts);
    assert_eq!(counted.first(), Some(&(0, "unknown")));
    assert_eq!(counted.last(), Some(&(1, "unknown")));
    assert_eq!(
        counted
            .iter()
            .filter(|(_, what)| *what == "unknown")
            .count(),
        2
    );
}

#[tokio::test]
async fn a_message_whose_workers_are_killed_during_the_send_arrives_at_most_three_times() {
    let twilio = MockHttpServer::start(|_| Response::silence()).await;
    let world = world(
        &twilio,
        &[
            ("PROVIDER_TIMEOUT_SECS", "5"),
            ("DELIVERY_LEASE_SECS", "10"),
            // Such a message is redelivered as the same attempt.
            ("MAX_RETRIES", "0"),
        ],
    )
    .await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    for copy in 1..=3 {
        twilio.until_received(secs(60), copy).await;
        worker.kill();
        worker.start_again().await;
    }
    let letter = only_dead_letter(&world, id).await;
    assert_eq!(letter.reason, "outcome_unknown");
    assert_eq!(twilio.count(), 3);
    let unknown = [(0, "unknown"), (0, "unknown"), (0, "unknown")];
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), unknown);
}

/// Only its retries limit a webhook, because its receiver recognises the id.
#[rstest]
#[case(Response::silence())]
#[case(Response::close())]
#[case(Response::raw("HTTP/1.1 20"))]
#[tokio::test]
async fn a_webhook_with_an_unknown_outcome_arrives_as_often_as_it_has_attempts(
    #[case] answer: Response,
) {
    let receiver = MockHttpServer::start(move |_| answer.clone()).await;
    let settings = [
        &IMPATIENT[..],
        &[
            ("WEBHOOK_PROVIDER", "http"),
            ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
            ("WORKER_CHANNELS", "intake,webhook"),
            ("WEBHOOK_MAX_RETRIES", "2"),
            ("UNKNOWN_MAX", "0"),
            // Longer than the interval between two probes, so that each retry is one.
            ("RETRY_BASE_DELAY_MS", "2500"),
            ("RETRY_MULTIPLIER", "2"),
        ],
    ]
    .concat();
    let world = World::with(&settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let payload = json!({"to": receiver.url("/hooks"), "event": "order.shipped", "data": {}});
    let body = json!({"targetUserId": world.user, "type": "webhook", "payload": payload});
    let id = api.client().post(&body).await.accepted();
    let letter = only_dead_letter(&world, id).await;
    assert_eq!(letter.reason, "outcome_unknown");
    let unknown = [(0, "unknown"), (1, "unknown"), (2, "unknown")];
    assert_eq!(outcomes(&api.client().attempts(id).await), unknown);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.header("webhook-id"), id.to_string());
    }
}
