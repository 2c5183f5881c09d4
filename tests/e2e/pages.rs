//! A page of a list ends at about 1 MB, however many rows it may have.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;
use tidings_db::PAGE_BYTES;
use tidings_domain::notification::{MessageId, Notification};
use tidings_tests::{Client, World};

/// The envelope of the last row of a page, and the names of fields, which PostgreSQL does not send.
const MARGIN: usize = 400_000;

/// All pages of a list with the largest `limit`: their rows, and the size of each page in bytes.
async fn pages(client: &Client, path: &str, rows: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut all, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let answer = client.get(&format!("{path}?limit=200{cursor}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        sizes.push(answer.text.len());
        all.extend(
            answer.body[rows]
                .as_array()
                .expect("a list")
                .iter()
                .cloned(),
        );
        match &answer.body["nextCursor"] {
            Value::Null => return (all, sizes),
            next => cursor = format!("&cursor={}", next.as_str().expect("a cursor")),
        }
    }
}

async fn insert(world: &World, all: &[Notification]) {
    let all: Vec<_> = all.iter().collect();
    let pool = &world.database.pool;
    let inserted = pool
        .run(async |client| tidings_db::notifications::insert_batch(client, &all).await)
        .await;
    assert_eq!(inserted.expect("recorded").len(), all.len());
}

/// Returns notifications with titles of `size` bytes, each accepted a millisecond after the one before.
fn notifications(world: &World, count: i64, size: usize) -> Vec<Notification> {
    let payload = format!(r#"{{"title":"{}"}}"#, "x".repeat(size));
    let start = Timestamp::now();
    (0..count)
        .map(|nth| Notification {
            payload: RawValue::from_string(payload.clone()).expect("JSON"),
            accepted_at: start + SignedDuration::from_millis(nth),
            ..world.wire()
        })
        .collect()
}

#[tokio::test]
async fn a_page_of_large_notifications_ends_at_a_megabyte_and_no_row_is_lost() {
    let world = World::new().await;
    let api = world.api().await;
    let all = notifications(&world, 50, 60_000);
    insert(&world, &all).await;
    let (rows, sizes) = pages(&api.client(), "/api/notifications", "notifications").await;
    let ids: Vec<_> = rows.iter().map(|row| row["messageId"].clone()).collect();
    let newest_first = all.iter().rev();
    let expected: Vec<_> = newest_first
        .map(|one| Value::from(one.message_id.to_string()))
        .collect();
    assert_eq!(ids, expected);
    assert!(
        sizes.iter().all(|size| *size < PAGE_BYTES + MARGIN),
        "{sizes:?}"
    );
    assert_eq!(sizes.len(), 3, "{sizes:?}");
}

/// A row that is larger than a page is a page of its own.
#[tokio::test]
async fn a_notification_larger_than_a_page_is_listed() {
    let world = World::new().await;
    let api = world.api().await;
    let all = notifications(&world, 2, 2 * PAGE_BYTES);
    insert(&world, &all).await;
    let (rows, sizes) = pages(&api.client(), "/api/notifications", "notifications").await;
    assert_eq!((rows.len(), sizes.len()), (2, 2));
}

#[tokio::test]
async fn many_attempts_are_listed_page_by_page() {
    let world = World::new().await;
    let api = world.api().await;
    let email = world.wire();
    insert(&world, std::slice::from_ref(&email)).await;
    let attempts = 2_500;
    fill(&world, email.message_id, attempts).await;
    let client = api.client();
    let path = format!("/api/notifications/{}/attempts", email.message_id);
    let default = client.get(&path).await.body;
    assert_eq!(default["attempts"].as_array().map(Vec::len), Some(50));
    let (rows, sizes) = pages(&client, &path, "attempts").await;
    let numbers: Vec<_> = rows.iter().map(|row| row["attempt"].as_i64()).collect();
    let expected: Vec<_> = (0..attempts).map(Some).collect();
    assert_eq!(numbers, expected);
    assert!(
        sizes.iter().all(|size| *size < PAGE_BYTES + MARGIN),
        "{sizes:?}"
    );
    for query in ["limit=0", "limit=201", "cursor=x", "offset=1"] {
        let answer = client.get(&format!("{path}?{query}")).await;
        answer.assert_error(400, "invalid_query");
    }
}

/// Records attempts with long errors, numbered from 0.
async fn fill(world: &World, id: MessageId, count: i64) {
    let sql =
        "INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome, error)
               SELECT $1, nth::integer, 'smtp', now(), 'failed', repeat('x', 500)
               FROM generate_series(0, $2::bigint - 1) AS nth";
    let pool = &world.database.pool;
    let filled = pool
        .run(async |client| Ok(client.execute(sql, &[&id.as_uuid(), &count]).await?))
        .await;
    assert_eq!(filled.ok(), u64::try_from(count).ok());
}
