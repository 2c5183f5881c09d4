//! Webhooks to a user's endpoints, and destinations that are down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{
    Answer, Client, MockHttpServer, Program, Received, Response, World, eventually_ok, outcomes,
    secs,
};

use super::channel;

async fn world(more: &[(&str, &str)]) -> World {
    let mut settings = vec![
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1/32"),
        ("WORKER_CHANNELS", "intake,webhook"),
        ("RETRY_BASE_DELAY_MS", "50"),
    ];
    settings.extend_from_slice(more);
    let world = World::with(&settings).await;
    // Messages for a destination that is down wait in these queues.
    let amqp = world.amqp().await;
    amqp.shorten_wait_queue("30s", 1000).await;
    amqp.shorten_wait_queue("5m", 1000).await;
    world
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let method = method.parse().expect("a method");
    client.send(client.request(method, path).json(body)).await
}

/// Creates an endpoint. Returns its id and its secret.
async fn endpoint(client: &Client, world: &World, url: &str) -> (String, String) {
    let body = json!({"userId": world.user, "url": url});
    let made = send(client, "POST", "/api/webhook-endpoints", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |name: &str| made.body[name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

async fn post(world: &World, api: &Program, to: Option<&str>) -> MessageId {
    let body = json!({
        "targetUserId": world.user,
        "type": "webhook",
        "payload": {"to": to, "event": "order.shipped", "data": {"order": 4711}},
    });
    api.client().post(&body).await.accepted()
}

fn verifies(request: &Received, secret: &str) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret).expect("a secret");
    webhook.verify(&request.body, &request.headers).is_ok()
}

#[tokio::test]
async fn each_endpoint_of_a_user_gets_one_request_signed_with_its_own_secret() {
    let seen = AtomicUsize::new(0);
    let flaky = MockHttpServer::start(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Response::status(500),
        _ => Response::status(200),
    })
    .await;
    let steady = MockHttpServer::start(|_| Response::status(200)).await;
    let world = world(&[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let (flaky_id, flaky_secret) = endpoint(&api.client(), &world, &flaky.url("/")).await;
    let (id, steady_secret) = endpoint(&api.client(), &world, &steady.url("/")).await;
    let posted = post(&world, &api, None).await;
    world.until_status(posted, "processed").await;
    assert_eq!((flaky.count(), steady.count()), (3, 1));
    for (endpoint, figures) in [(&flaky_id, [1, 2]), (&id, [1, 0])] {
        let path = format!("/api/webhook-endpoints/{endpoint}");
        let health = api.client().get(&path).await.body["health"].clone();
        let counted = ["succeeded", "failed"].map(|name| health[name].as_u64());
        assert_eq!(counted, figures.map(Some), "{health}");
        assert!(health["lastSuccessAt"].is_string(), "{health}");
    }
    assert!(
        flaky
            .requests()
            .iter()
            .all(|request| verifies(request, &flaky_secret))
    );
    assert!(verifies(&steady.requests()[0], &steady_secret));
    assert!(!verifies(&steady.requests()[0], &flaky_secret));

    // After a rotation, both secrets sign.
    let path = format!("/api/webhook-endpoints/{id}/rotate-secret");
    let rotated = send(&api.client(), "POST", &path, &json!({})).await;
    let new_secret = rotated.body["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let path = format!("/api/webhook-endpoints/{id}/ping");
    let pinged = send(&api.client(), "POST", &path, &json!({})).await;
    assert_eq!(pinged.status, 202, "{}", pinged.text);
    steady.until_received(secs(30), 2).await;
    let ping = &steady.requests()[1];
    assert_eq!(ping.json()["type"], "ping");
    assert!(verifies(ping, &steady_secret) && verifies(ping, &new_secret));
    assert_eq!(flaky.count(), 3, "a ping goes to its own endpoint alone");
}

#[tokio::test]
async fn an_endpoint_that_answers_410_is_disabled() {
    let gone = MockHttpServer::start(|_| Response::status(410)).await;
    let world = world(&[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let (id, _) = endpoint(&api.client(), &world, &gone.url("/")).await;
    let posted = post(&world, &api, None).await;
    world.until_status(posted, "failed").await;
    let endpoint = api
        .client()
        .get(&format!("/api/webhook-endpoints/{id}"))
        .await;
    assert_eq!(endpoint.body["enabled"], false);
    assert!(
        endpoint.body["disabledReason"]
            .as_str()
            .is_some_and(|why| why.contains("410"))
    );
    let attempts = api.client().attempts(posted).await;
    assert_eq!(outcomes(&attempts), [(0, "gone")]);
    assert_eq!(attempts[0]["contactId"], id.as_str());
    let second = post(&world, &api, None).await;
    world.until_status(second, "failed").await;
    assert_eq!(gone.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_down_gets_only_probes_and_delays_no_other() {
    let works = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&works);
    let down = MockHttpServer::start(move |_| {
        Response::status(if now.load(Ordering::SeqCst) { 200 } else { 502 })
    })
    .await;
    let up = MockHttpServer::start(|_| Response::status(200)).await;
    let world = world(&[("BREAKER_FAILURES", "5"), ("BREAKER_PROBE_SECS", "2")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let (its_endpoint, _) = endpoint(&api.client(), &world, &down.url("/")).await;
    endpoint(&api.client(), &world, &up.url("/")).await;
    let (mut to_down, mut to_up) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        to_down.push(post(&world, &api, Some(&down.url("/"))).await);
        to_up.push(post(&world, &api, Some(&up.url("/"))).await);
    }
    for id in to_up {
        world.until_status(id, "processed").await;
    }
    eventually_ok(secs(30), "the breaker is open", async || {
        let state = channel(&worker, "webhook").await;
        if state["destinationsAway"] == 1 {
            Ok(())
        } else {
            Err(state)
        }
    })
    .await;
    assert_eq!(channel(&worker, "webhook").await["state"], "delivering");
    let waiting = "deferred_since IS NOT NULL";
    eventually_ok(secs(30), "the endpoint is listed as away", async || {
        let away = api.client().get("/api/webhook-endpoints?state=away").await;
        match away.body["webhookEndpoints"].as_array().map(Vec::as_slice) {
            Some([one]) if one["id"] == *its_endpoint && one["health"]["isAway"] == true => Ok(()),
            _ => Err(away.text),
        }
    })
    .await;
    eventually_ok(secs(60), "they wait for it", async || {
        match world.database.count(waiting).await {
            60 => Ok(()),
            so_far => Err(format!("{so_far} do")),
        }
    })
    .await;
    assert!(down.count() < 30, "{} requests", down.count());

    works.store(true, Ordering::SeqCst);
    for id in to_down {
        world.until_status(id, "processed").await;
    }
    let amqp = world.amqp().await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
    assert_eq!(channel(&worker, "webhook").await["destinationsAway"], 0);
}

#[tokio::test]
async fn an_endpoint_that_rejected_a_notification_is_not_retried_while_another_is_down() {
    let refuses = MockHttpServer::start(|_| Response::status(400).body("no such order")).await;
    let works = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&works);
    let down = MockHttpServer::start(move |_| {
        Response::status(if now.load(Ordering::SeqCst) { 200 } else { 503 })
    })
    .await;
    let world = world(&[("BREAKER_FAILURES", "2"), ("BREAKER_PROBE_SECS", "1")]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let (refusing, _) = endpoint(&api.client(), &world, &refuses.url("/")).await;
    let (working, _) = endpoint(&api.client(), &world, &down.url("/")).await;
    let posted = post(&world, &api, None).await;
    // Two failures open the breaker. Then the message is deferred.
    down.until_received(secs(60), 3).await;
    assert_eq!(refuses.count(), 1);
    works.store(true, Ordering::SeqCst);
    world.until_status(posted, "failed").await;
    assert_eq!(refuses.count(), 1);
    let amqp = world.amqp().await;
    eventually_ok(secs(20), "its dead letter", async || {
        match amqp.dead_letter_depth().await {
            1 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    let letters = amqp.dead_letters().await;
    assert_eq!(letters[0].reason, "rejected_by_provider");
    assert!(
        letters[0]
            .detail
            .as_deref()
            .is_some_and(|why| why.contains("no such order"))
    );
    for (endpoint, count) in [(refusing, 1), (working, 0)] {
        let path = format!("/api/dead-letters?endpointId={endpoint}");
        let found = api.client().get(&path).await.body["deadLetters"].clone();
        assert_eq!(found.as_array().map(Vec::len), Some(count), "{found}");
        assert!(count == 0 || found[0]["provider"] == "127.0.0.1", "{found}");
    }
}

#[tokio::test]
async fn retry_after_is_respected_although_another_endpoint_is_retried_sooner() {
    let seen = AtomicUsize::new(0);
    let patient = MockHttpServer::start(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Response::status(429).header("retry-after", "4"),
        _ => Response::status(200),
    })
    .await;
    let tried = AtomicUsize::new(0);
    let flaky = MockHttpServer::start(move |_| match tried.fetch_add(1, Ordering::SeqCst) {
        0 => Response::status(500),
        _ => Response::status(200),
    })
    .await;
    let world = world(&[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    for receiver in [&patient, &flaky] {
        endpoint(&api.client(), &world, &receiver.url("/")).await;
    }
    let posted = post(&world, &api, None).await;
    world.until_status(posted, "processed").await;
    assert_eq!(flaky.count(), 2);
    let requests = patient.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1].at - requests[0].at >= secs(4),
        "not before it said"
    );
}

#[tokio::test]
async fn waiting_for_a_destination_that_is_down_is_limited() {
    let down = MockHttpServer::start(|_| Response::status(503)).await;
    let world = world(&[
        ("BREAKER_FAILURES", "1"),
        ("BREAKER_PROBE_SECS", "3600"),
        ("WEBHOOK_DEFER_MAX_HOURS", "2"),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let first = post(&world, &api, Some(&down.url("/"))).await;
    let deferred = format!("message_id = '{first}' AND deferred_since IS NOT NULL");
    eventually_ok(secs(30), "it waits", async || {
        match world.database.count(&deferred).await {
            1 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let long_ago = "UPDATE notifications SET deferred_since = now() - interval '3 hours'";
    client.execute(long_ago, &[]).await.expect("long ago");
    world.until_status(first, "failed").await;
    let row = api
        .client()
        .get(&format!("/api/notifications/{first}"))
        .await;
    let error = row.body["errorMessage"].as_str().expect("an error");
    assert!(
        error.starts_with("destination_away: for more than 2 h"),
        "{error}"
    );
    assert_eq!(down.count(), 1);
}
