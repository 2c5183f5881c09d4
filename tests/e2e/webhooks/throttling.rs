//! Receivers that ask for patience: they delay no others, and get everything once they accept it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_domain::notification::{MessageId, UserId};
use tidings_tests::{
    Client, MockHttpServer, Received, Response, World, eventually_ok, outcomes, secs,
};

use super::{post, webhook, world};

/// A user may have this many endpoints.
const ENDPOINTS: usize = 20;

fn patience() -> Response {
    Response::status(429).header("Retry-After", "1")
}

/// The body of a POST for `user`, to `to` or to the user's endpoints.
fn body(user: UserId, to: Option<&str>) -> Value {
    let payload = json!({"to": to, "event": "order.shipped", "data": {"order": 1}});
    json!({"targetUserId": user, "type": "webhook", "payload": payload})
}

async fn post_batches(client: &Client, item: &Value, batches: usize) {
    for _ in 0..batches {
        let answer = client.post_batch(&vec![item.clone(); 1000]).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
}

/// Creates an endpoint of `user` for each path of `receiver`.
async fn create_endpoints(client: &Client, user: UserId, receiver: &MockHttpServer) {
    for number in 0..ENDPOINTS {
        let url = receiver.url(&format!("/throttles/{number}"));
        let body = json!({"userId": user, "url": url});
        let method = "POST".parse().expect("a method");
        let request = client.request(method, "/api/webhook-endpoints");
        assert_eq!(client.send(request.json(&body)).await.status, 201);
    }
}

/// Posts to `url` again and again, each time after the webhook before has arrived at `receiver`, until `n` have. Returns
/// how long each of them took.
async fn latencies(
    client: &Client,
    user: UserId,
    receiver: &MockHttpServer,
    path: &str,
    n: usize,
) -> Vec<Duration> {
    let item = body(user, Some(&receiver.url(path)));
    let mut latencies = Vec::new();
    for _ in 0..n {
        let start = Instant::now();
        let id = client.post(&item).await.accepted().to_string();
        let request = eventually_ok(secs(60), "the webhook arrives", async || {
            let mut requests = receiver.requests().into_iter();
            let arrived = requests.find(|request| request.header("webhook-id") == id);
            arrived.ok_or("it has not arrived")
        })
        .await;
        latencies.push(request.at - start);
    }
    latencies.sort();
    latencies
}

/// The number of rows in `delivery_attempts`, and the largest number of them for one message and address. An attempt that is
/// under way has a row of its own until it ends.
async fn attempt_rows(world: &World) -> (i64, i64) {
    let sql = "SELECT coalesce(sum(n), 0)::bigint, coalesce(max(n), 0) FROM (
                   SELECT count(*) AS n FROM delivery_attempts WHERE outcome <> 'sending' GROUP BY message_id, contact_id) AS one";
    let row = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?))
        .await
        .expect("the query");
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_throttle_delay_no_others_and_fill_no_table() {
    let world = world(&[]).await;
    let throttles = MockHttpServer::start(|request: &Received| {
        if request.path.starts_with("/throttles") {
            patience()
        } else {
            Response::status(204)
        }
    })
    .await;
    let works = MockHttpServer::start(|_| Response::status(204)).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let (client, other) = (api.client(), world.database.user().await);
    create_endpoints(&client, world.user, &throttles).await;
    let _ = latencies(&client, other, &works, "/hooks", 1).await;
    let _ = latencies(&client, other, &throttles, "/works", 1).await;

    let attack = body(world.user, None);
    let (attack, to_works, to_same_host) = tokio::join!(
        post_batches(&client, &attack, 4),
        latencies(&client, other, &works, "/hooks", 100),
        latencies(&client, other, &throttles, "/works", 100),
    );
    let () = attack;
    for latencies in [to_works, to_same_host] {
        // A hundred times what one takes. If they waited for their turn among the messages that are throttled, each
        // would take longer.
        assert!(latencies[50] < secs(5), "{latencies:?}");
    }
    let all = "type = 'webhook' AND status = 'pending'";
    eventually_ok(secs(60), "all of them wait", async || {
        let waiting = world.database.count(all).await;
        let deferred = worker.metrics().await;
        let deferred = deferred.sum("tidings_messages_deferred_total", &[]);
        if waiting == 4000 && deferred >= 4000 {
            Ok(())
        } else {
            Err(format!("{waiting} are recorded, {deferred} deferred"))
        }
    })
    .await;

    let (rows, of_one) = attempt_rows(&world).await;
    assert_eq!(of_one, 1, "repetitions share a row");
    let requests = throttles.requests().into_iter();
    let requests = requests.filter(|request| request.path.starts_with("/throttles"));
    let mut by_path = BTreeMap::<String, Vec<Instant>>::new();
    for request in requests {
        by_path.entry(request.path).or_default().push(request.at);
    }
    assert_eq!(by_path.len(), ENDPOINTS);
    let sent: usize = by_path.values().map(Vec::len).sum();
    assert!(sent < 1000, "{sent} requests instead of 80,000");
    assert!(rows <= i64::try_from(sent + 300).expect("a number"));
    for times in by_path.values() {
        // Those before the first answer go out together, at most half of the channel.
        let later = times.windows(9).all(|nine| nine[8] - nine[0] >= secs(1));
        assert!(later, "{times:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_after_a_receiver_stops_throttling() {
    const ALL: usize = 500;
    let world = world(&[]).await;
    let amqp = world.amqp().await;
    // Messages that wait for long wait in these queues.
    amqp.shorten_wait_queue("30s", 1000).await;
    amqp.shorten_wait_queue("5m", 2000).await;
    let accepts = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&accepts);
    let receiver = MockHttpServer::start(move |_| {
        if answer.load(Ordering::SeqCst) {
            Response::status(200)
        } else {
            patience()
        }
    })
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let items: Vec<Value> = (0..ALL).map(|n| webhook(&world, &receiver, n)).collect();
    assert_eq!(client.post_batch(&items).await.status, 202);
    // Until the URL has been probed a few times.
    receiver.until_received(secs(60), 12).await;
    let refused = receiver.count();
    assert!(refused < ALL / 4, "{refused} requests were refused");
    accepts.store(true, Ordering::SeqCst);

    eventually_ok(secs(120), "all are delivered", async || {
        match world.database.count("status = 'processed'").await {
            500 => Ok(()),
            so_far => Err(format!("{so_far} are")),
        }
    })
    .await;
    assert_eq!(world.database.count("retries_attempted > 0").await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
    let metrics = worker.metrics().await;
    let attempts = |outcome| metrics.sum("tidings_delivery_attempts_total", &[outcome]);
    let throttled = attempts("throttled");
    assert_eq!(attempts("delivered"), ALL as u64, "each arrives once");
    assert_eq!(receiver.count() as u64, throttled + ALL as u64);
    let (rows, _) = attempt_rows(&world).await;
    assert!(rows <= i64::try_from(ALL + receiver.count()).expect("a number"));
}

#[tokio::test]
async fn attempts_that_were_throttled_are_one_entry() {
    let world = world(&[]).await;
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let receiver = MockHttpServer::start(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        0..3 => patience(),
        _ => Response::status(200),
    })
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id: MessageId = post(&world, &api, &receiver, 1).await;
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "throttled"), (0, "delivered")]);
    assert_eq!(attempts[0]["repetitions"], 2);
    let time = |name: &str| attempts[0][name].as_str().map(str::to_owned);
    assert!(time("lastRepeatedAt") > time("startedAt"));
    assert_eq!(attempts[1].get("repetitions"), None);
    assert_eq!(receiver.count(), 4);
}
