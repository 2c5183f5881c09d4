//! The rate limits of callers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client, Program, ProgramKind, World, eventually, secs, tokens};
use tokio::time::{Duration, MissedTickBehavior, interval};
use uuid::Uuid;

/// The number of a parameter in the header `RateLimit`.
fn limit(answer: &Answer, parameter: &str) -> u64 {
    let header = answer.header("RateLimit");
    let parameters = header.strip_prefix("\"caller\";").unwrap_or_default();
    let mut parameters = parameters.split(';').filter_map(|one| one.split_once('='));
    let found = parameters.find(|(name, _)| *name == parameter);
    let value = found.and_then(|(_, value)| value.parse().ok());
    value.unwrap_or_else(|| panic!("{parameter}: {header:?}, {}", answer.status))
}

/// A client whose caller nobody else is.
fn client_of(api: &Program, name: &str) -> Client {
    let token = tokens::signed(&json!({"sub": name, "iat": 1_703_600_000}));
    api.client().with_token(token)
}

/// Sends a request that needs neither RabbitMQ nor PostgreSQL. Returns whether it was admitted.
async fn is_admitted(client: &Client) -> bool {
    let answer = client.post_raw("text/plain", "").await;
    match answer.status {
        415 => true,
        429 => false,
        other => panic!("{other}: {}", answer.text),
    }
}

/// Sends requests until one is refused. Returns how many were admitted.
async fn drain(client: &Client) -> u32 {
    let mut admitted = 0;
    while is_admitted(client).await {
        admitted += 1;
    }
    admitted
}

/// Sends more requests than the limit allows, for this long and then until one is refused. Returns how many were admitted.
async fn flood(clients: &[&Client], time: Duration) -> u32 {
    let start = Instant::now();
    let is_empty = AtomicBool::new(false);
    let posters = clients.iter().flat_map(|client| vec![*client; 4]);
    let posting = posters.map(async |client| {
        let (mut tick, mut admitted) = (interval(Duration::from_millis(5)), 0);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !is_empty.load(Ordering::Relaxed) {
            tick.tick().await;
            assert!(start.elapsed() < secs(60), "no request is refused");
            if is_admitted(client).await {
                admitted += 1;
            } else if start.elapsed() >= time {
                is_empty.store(true, Ordering::Relaxed);
            }
        }
        admitted
    });
    join_all(posting).await.into_iter().sum()
}

#[tokio::test]
async fn callers_see_what_they_have_left() {
    let world = World::with(&[
        ("RATE_LIMIT_PER_CALLER", "600"),
        ("RATE_LIMIT_PER_USER_TOKEN", "20"),
    ])
    .await;
    let (api, other) = tokio::join!(world.api(), world.api());
    for path in [
        "/live",
        "/health",
        "/api/openapi.json",
        "/api/notifications",
    ] {
        let answer = api.client().anonymous().get(path).await;
        assert_eq!(answer.header("RateLimit"), "", "{path}");
    }

    let service = client_of(&api, "orders");
    let unknown = format!("/api/notifications/{}", Uuid::now_v7());
    for (path, status) in [("/api/notifications", 200), (unknown.as_str(), 404)] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.header("RateLimit-Policy"), "\"caller\";q=600;w=60");
        assert!((1..60).contains(&limit(&answer, "r")), "{answer:?}");
    }

    // A user has a limit of its own: two at once, and one more every 3 s. The handler asks for the caller twice.
    let user = UserId::from(Uuid::now_v7());
    let user = api.client().with_token(tokens::scoped(user, "users:write"));
    let body = json!({"username": "anna", "email": "anna@example.com"});
    let request = user.request(reqwest::Method::POST, "/api/users");
    let created = user.send(request.json(&body)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("RateLimit-Policy"), "\"caller\";q=20;w=60");
    assert_eq!((limit(&created, "r"), limit(&created, "t")), (1, 3));

    // So has an API key.
    let body = json!({"name": "reports", "scopes": ["dashboard"], "ratePerMinute": 30});
    let request = api.client().request(reqwest::Method::POST, "/api/keys");
    let created = api.client().send(request.json(&body)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let key = created.body["key"].as_str().expect("a key");
    let answer = api.client().with_token(key).get("/api/notifications").await;
    assert_eq!(answer.header("RateLimit-Policy"), "\"caller\";q=30;w=60");
    assert_eq!((limit(&answer, "r"), limit(&answer, "t")), (2, 2));

    // A batch is admitted as one request, and then costs its items.
    let batches = client_of(&api, "batches");
    let items = vec![world.in_app(); 500];
    let accepted = batches.post_batch(&items).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    assert_eq!(limit(&accepted, "r"), 0);
    let refused = batches.post(&world.in_app()).await;
    refused.assert_error(429, "rate_limited");
    assert_eq!(limit(&refused, "r"), 0);
    assert_eq!(refused.header("RateLimit-Policy"), "\"caller\";q=600;w=60");
    // 500 requests take 50 s, of which the burst is 6 s. A fifth is jitter.
    let after: u64 = refused.header("Retry-After").parse().expect("seconds");
    assert!((20..=54).contains(&after), "{after}");
    let elsewhere = client_of(&other, "batches");
    eventually(secs(20), "the other process knows the debt", async || {
        !is_admitted(&elsewhere).await
    })
    .await;
    assert!(is_admitted(&client_of(&other, "orders")).await);
    for api in [&api, &other] {
        assert_eq!(
            api.metrics().await.sum("tidings_rate_limit_degraded", &[]),
            0
        );
    }
}

/// 3000 a minute are 50 a second, of which 300 may come at once and a process leases 150: fewer than clients can send on a
/// busy machine. Counted is against the time that has passed, and what the bucket held when the time began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_the_limit_of_a_caller() {
    const PER_SECOND: f64 = 50.0;
    let world = World::with(&[("RATE_LIMIT_PER_CALLER", "3000")]).await;
    let start = async || world.start(ProgramKind::Api, &[]).await;
    let (mut one, two, three) = tokio::join!(start(), start(), start());
    let clients = [&one, &two, &three].map(|api| client_of(api, "orders"));

    let start = Instant::now();
    let burst = drain(&clients[0]).await;
    let refilled = start.elapsed().as_secs_f64() * PER_SECOND;
    assert!(burst >= 300, "{burst}");
    assert!(f64::from(burst) <= 301.0 + refilled, "{burst}, {refilled}");
    // What is left of that if a request was refused because PostgreSQL was slow to lease it.
    let left = 301.0 + refilled - f64::from(burst);

    let start = Instant::now();
    let mut sticky = 0;
    // What was refused because PostgreSQL was slow to lease it is left for later. Measured again if this client had no processor
    // for so long that the bucket was full.
    eventually(secs(20), "a caller gets 95 % of its limit", async || {
        let start = Instant::now();
        let got = flood(&[&clients[0]], secs(4)).await + drain(&clients[0]).await;
        sticky += got;
        f64::from(got) >= 0.95 * start.elapsed().as_secs_f64() * PER_SECOND
    })
    .await;
    let allowed = start.elapsed().as_secs_f64() * PER_SECOND;
    assert!(
        f64::from(sticky) <= left + 1.05 * allowed,
        "{sticky} of {left} and {allowed}"
    );

    // What one process has left in the bucket is for all: the bound is that of the whole time.
    for client in &clients[1..] {
        sticky += drain(client).await;
    }
    let together = sticky + flood(&[&clients[0], &clients[1], &clients[2]], secs(6)).await;
    let allowed = start.elapsed().as_secs_f64() * PER_SECOND;
    assert!(
        f64::from(together) <= left + 1.05 * allowed,
        "{together} of {left} and {allowed}"
    );

    let client = client_of(&one, "billing");
    assert!(is_admitted(&client).await);
    let leased = "SELECT count(*) FROM rate_buckets WHERE leased = 151";
    eventually(secs(20), "the process has a lease", async || {
        let counted = world
            .database
            .pool
            .run(async |client| Ok(client.query_one(leased, &[]).await?.get::<_, i64>(0)));
        counted.await.expect("the query") > 0
    })
    .await;
    one.kill();
    let left = drain(&client_of(&two, "billing")).await;
    assert!(left >= 300 - 1 - 150, "{left}");
}
