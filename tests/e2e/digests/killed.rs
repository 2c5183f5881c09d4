use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, ProgramKind, World, eventually, secs};

use super::{news, put_category, send, shown, text_of};
use crate::delivery::{accepted_response, world};

/// How many notifications are collected.
const ITEMS: usize = 20;

/// Whether somebody holds the lock of the only digest.
async fn is_locked(world: &World) -> bool {
    let sql = "SELECT FROM digests FOR NO KEY UPDATE SKIP LOCKED";
    let free = world
        .database
        .pool
        .run(async |client| Ok(client.query_opt(sql, &[]).await?.is_some()));
    !free.await.expect("the query")
}

/// How many digests there are of this status.
async fn digests(world: &World, status: &str) -> i64 {
    let sql = "SELECT count(*) FROM digests WHERE status = $1";
    let count = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[&status]).await?.get(0)));
    count.await.expect("a count")
}

/// The closing has decided about the items, and waits before it inserts the message: its transaction makes it all or nothing.
#[tokio::test]
async fn a_worker_that_is_killed_while_it_closes_a_digest_has_closed_nothing() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[("SCHEDULER_POLL_MS", "100")]).await;
    let stages = async |stages: &str| {
        let stages = [("WORKER_CHANNELS", stages)];
        world.start(ProgramKind::Worker, &stages).await
    };
    let (api, mut intake) = tokio::join!(world.api(), stages("intake"));
    let client = api.client();
    let rule = json!({"digest": {"mode": "weekly", "maxItems": ITEMS}});
    assert_eq!(put_category(&client, "news", &rule).await.status, 201);
    let template = json!({"text": "{{ total }}: {% for item in items|reverse %}{{ item.payload.text }} {% endfor %}"});
    let path = "/api/templates/digest%2Fnews/sms/default";
    let put = send(&client, Method::PUT, path, &template).await;
    assert_eq!(put.status, 201, "{}", put.text);
    let path = format!("/api/users/{}/contacts/phone-numbers", world.user);
    let number = json!({"number": "+4915112345678"});
    let number = send(&client, Method::POST, &path, &number).await;
    assert_eq!(number.status, 201, "{}", number.text);

    // A full digest is due, and no scheduler runs.
    let texts: Vec<String> = (0..ITEMS)
        .map(|number| format!("item-{number:02}"))
        .collect();
    let bodies: Vec<_> = texts.iter().map(|text| news(&world, text)).collect();
    let results = client.post_batch(&bodies).await.results();
    let items: Vec<MessageId> = results
        .into_iter()
        .map(|one| one.expect("accepted"))
        .collect();
    let waiting = "status = 'scheduled' AND reason = 'digest' AND not_before IS NULL";
    let all = i64::try_from(ITEMS).expect("a number");
    eventually(secs(60), "all are collected", async || {
        world.database.count(waiting).await == all
    })
    .await;
    intake.stop().await;

    let pool = &world.database.pool;
    let mut locking = pool.dedicated_client().await.expect("a connection");
    let lock = locking.transaction().await.expect("a transaction");
    let sql = "SELECT FROM users WHERE id = $1 FOR UPDATE";
    let locked = lock.query_one(sql, &[&world.user.as_uuid()]).await;
    locked.expect("the lock");
    let mut killed = stages("scheduler").await;
    let inserting = "application_name = 'tidings-worker' AND wait_event_type = 'Lock'
                     AND query LIKE '%INSERT INTO notifications%'";
    eventually(secs(60), "the closing inserts its message", async || {
        world.database.connections(inserting).await == 1 && is_locked(&world).await
    })
    .await;
    killed.kill();
    lock.rollback().await.expect("rolled back");
    eventually(secs(60), "PostgreSQL has noticed", async || {
        let worker = "application_name = 'tidings-worker'";
        world.database.connections(worker).await == 0
    })
    .await;
    assert_eq!(digests(&world, "open").await, 1);
    assert_eq!(world.database.count(waiting).await, all);
    assert_eq!(world.database.count("true").await, all);

    let worker = stages("scheduler,sms").await;
    for id in &items {
        world.until_status(*id, "digested").await;
    }
    let message = shown(&client, items[0]).await["digestMessageId"].clone();
    let message: MessageId = serde_json::from_value(message).expect("an id");
    world.until_status(message, "processed").await;
    assert_eq!(world.database.count("true").await, all + 1);
    assert_eq!(
        (digests(&world, "sent").await, digests(&world, "open").await),
        (1, 0)
    );
    assert_eq!(twilio.count(), 1);
    let text = text_of(&twilio.requests()[0]);
    let mut words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words.remove(0), format!("{ITEMS}:"));
    words.sort_unstable();
    assert_eq!(words, texts);
    let scrape = worker.metrics().await;
    assert_eq!(scrape.sum("tidings_digests_closed_total", &["sent"]), 1);
}
