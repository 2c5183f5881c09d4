//! `GET /api/notifications?order=sent`: what was sent, as pages and as a file.

mod csv_files;

use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{World, tokens};

/// Rows in one statement: few enough for its time limit on a busy machine.
const CHUNK: i64 = 5000;

/// Inserts `count` notifications that were sent, a second apart.
async fn fill(world: &World, user: UserId, channel: &str, sender: &str, count: i64) {
    let sql = "INSERT INTO notifications
                   (id, message_id, user_id, type, sender, status, payload, created_at, processed_at)
               SELECT gen_random_uuid(), gen_random_uuid(), $1, $2, $3, 'processed', '{\"text\": \"hello\"}',
                      '2026-10-01T00:00:00Z', timestamptz '2026-11-01T00:00:00Z' + nth * interval '1 second'
               FROM generate_series($4::bigint, $5::bigint - 1) AS nth";
    let mut done = 0;
    while done < count {
        let end = count.min(done + CHUNK);
        let filled = world.database.pool.run(async |client| {
            Ok(client
                .execute(sql, &[&user.as_uuid(), &channel, &sender, &done, &end])
                .await?)
        });
        assert_eq!(filled.await.ok(), u64::try_from(end - done).ok());
        done = end;
    }
}

fn times(page: &Value) -> Vec<&str> {
    let rows = page["notifications"].as_array().expect("notifications");
    let times = rows.iter().map(|row| row["processedAt"].as_str());
    times.map(|time| time.expect("a time")).collect()
}

#[tokio::test]
async fn what_was_sent_is_listed_page_by_page_to_those_who_may_read_it() {
    let (world, api) = World::shared().await;
    let (own, other) = (world.database.user().await, world.database.user().await);
    fill(&world, own, "sms", "shop", 7).await;
    fill(&world, other, "sms", "shop", 3).await;
    fill(&world, own, "in-app", "shop", 2).await;
    let reader = tokens::scoped(own, "notifications:read");
    let client = api.client().with_token(reader);
    let (mut cursor, mut listed) = (String::new(), Vec::new());
    loop {
        let path = format!("/api/notifications?order=sent&status=processed&limit=3{cursor}");
        let page = client.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        // An API that allows pages of other origins names more headers.
        assert!(page.header("Vary").starts_with("accept"), "{page:?}");
        listed.extend(times(&page.body).iter().map(ToString::to_string));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..7)
        .rev()
        .map(|nth| format!("2026-11-01T00:00:0{nth}Z"))
        .collect();
    assert_eq!(listed, expected);
    let count = async |query: &str| {
        let path = format!("/api/notifications?order=sent{query}");
        let page = client.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        times(&page.body).len()
    };
    let window = "&sentAfter=2026-11-01T00:00:02Z&sentBefore=2026-11-01T02:00:05%2B02:00";
    assert_eq!(count(window).await, 3);
    assert_eq!(count("&type=email").await, 0);
    assert_eq!(count("&sender=shop").await, 7);
    assert_eq!(count("&sender=billing").await, 0);
    assert_eq!(count("&category=news").await, 0);
    let path = format!("/api/notifications?order=sent&targetUserId={other}");
    client.get(&path).await.assert_error(403, "forbidden");
    let path = "/api/notifications?order=sent&offset=1&sender=%00";
    let refused = client.get(path).await;
    refused.assert_error(400, "invalid_query");
    assert_eq!(refused.fields(), ["offset", "sender"]);
    let unread = api
        .client()
        .with_token(tokens::scoped(own, "notifications:send"));
    let refused = unread.get("/api/notifications?order=sent").await;
    refused.assert_error(403, "forbidden");
    assert_eq!(json!(null), refused.body["notifications"]);
}
