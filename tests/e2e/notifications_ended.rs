//! What ended in a period: in the order of the ends, found in indexes.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidings_db::notifications::{self, NotificationFilter};
use tidings_db::{GenericClient, TransactionOptions};
use tidings_domain::notification::{Channel, Status};
use tidings_tests::{Client, ServerUrls, TestDatabase, World, tokens};
use uuid::Uuid;

use crate::audit::execute;

const START: &str = "2026-11-01T00:00:00Z";

fn second(n: i64) -> Timestamp {
    let start: Timestamp = START.parse().expect("a time");
    start + SignedDuration::from_secs(n)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n + 1)
}

/// Eight notifications, accepted a second apart. They end in another order.
async fn insert(world: &World) {
    let mut sql = String::new();
    for (n, channel, status, processed, ended) in [
        (0, "email", "processed", Some(15), None),
        (1, "in-app", "processed", Some(11), None),
        (2, "sms", "failed", None, Some(12)),
        (3, "push", "cancelled", None, Some(14)),
        (4, "email", "pending", None, None),
        // Processed long after its acceptance: both times.
        (5, "webhook", "processed", Some(20), Some(20)),
        (6, "email", "suppressed", None, Some(13)),
        (7, "email", "expired", None, Some(10)),
    ] {
        let at = |n: Option<i64>| n.map_or("NULL".to_owned(), |n| format!("'{}'", second(n)));
        let (processed, ended) = (at(processed), at(ended));
        let id = id(n);
        let created = second(i64::try_from(n).expect("small"));
        let millis = u64::try_from(created.as_millisecond()).expect("after 1970");
        let row = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        let user = world.user;
        // The trigger of an insert sets the end to now.
        write!(
            sql,
            "INSERT INTO notifications (id, message_id, user_id, type, status, created_at, processed_at, payload)
             VALUES ('{row}', '{id}', '{user}', '{channel}', '{status}', '{created}', {processed}, '{{}}');
             UPDATE notifications SET ended_at = {ended} WHERE message_id = '{id}';"
        )
        .expect("a string");
    }
    execute(&world.database.pool, &sql).await.expect("rows");
}

fn numbers(page: &Value) -> Vec<u128> {
    let rows = page["notifications"].as_array().expect("rows");
    let number = |row: &Value| {
        let found = (0..8).find(|n| row["messageId"] == id(*n).to_string());
        found.expect("one of them")
    };
    rows.iter().map(number).collect()
}

async fn found(client: &Client, query: &str) -> Vec<u128> {
    let answer = client.get(&format!("/api/notifications?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    numbers(&answer.body)
}

#[tokio::test]
async fn what_ended_in_a_period_is_listed_in_the_order_of_the_ends() {
    let world = World::new().await;
    let api = world.api().await;
    insert(&world).await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dashboard"));
    let user = format!("targetUserId={}&endedFrom={}", world.user, second(11));
    let cases: [(&str, &[u128]); 8] = [
        ("endedFrom=2026-11-01T00:00:00Z", &[5, 0, 3, 6, 2, 1, 7]),
        (
            "endedFrom=2026-11-01T00:00:11Z&endedTo=2026-11-01T00:00:14Z",
            &[6, 2, 1],
        ),
        (
            "status=processed&endedFrom=2026-11-01T00:00:11Z&endedTo=2026-11-01T00:00:16Z",
            &[0, 1],
        ),
        (
            "status=failed&endedFrom=2026-11-01T00:00:12Z&endedTo=2026-11-01T00:00:13Z",
            &[2],
        ),
        ("type=in-app&endedTo=2026-11-01T00:00:16Z", &[1]),
        ("type=email&endedTo=2026-11-01T00:00:16Z", &[0, 6, 7]),
        (
            "createdFrom=2026-11-01T00:00:02Z&endedTo=2026-11-01T00:00:16Z",
            &[3, 6, 2, 7],
        ),
        // Those of one user stay in the order of acceptance.
        (&user, &[6, 5, 3, 2, 1, 0]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&client, query).await, expected, "{query}");
    }

    // The pages continue each other.
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("endedFrom={}&limit=2{cursor}", second(0));
        let page = client.get(&format!("/api/notifications?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        pages.push(numbers(&page.body));
        let Some(next) = page.body["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
        let other = client
            .get(&format!("/api/notifications?{}", &cursor[1..]))
            .await;
        other.assert_error(400, "invalid_query");
    }
    assert_eq!(pages, [vec![5, 0], vec![3, 6], vec![2, 1], vec![7]]);

    for wrong in [
        "status=pending&endedFrom=2026-11-01T00:00:00Z",
        "order=sent&endedTo=2026-11-01T00:00:00Z",
        "endedFrom=yesterday",
    ] {
        let answer = client.get(&format!("/api/notifications?{wrong}")).await;
        answer.assert_error(400, "invalid_query");
    }

    let period = format!("endedFrom={}&endedTo={}", second(11), second(14));
    let path = format!("/api/notifications/export?format=ndjson&{period}");
    let export = client.get(&path).await;
    assert_eq!(export.text.lines().count(), 3, "{}", export.text);
    let (from, to) = (second(11).to_string(), second(14).to_string());
    let arguments = ["--json", "notifications", "list", "--ended-from", &from];
    let listed = world.tidings(&[&arguments[..], &["--ended-to", &to]].concat());
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(numbers(&listed), [6, 2, 1]);
}

#[tokio::test]
async fn a_page_of_a_minute_reads_its_own_rows_from_indexes() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    // A notification each second for some hours, and what ended.
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, processed_at, category)
         SELECT lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), '{user}',
                CASE WHEN n % 3 = 0 THEN 'in-app' ELSE 'email' END, 'processed', '{{}}', at, at,
                CASE WHEN n % 60 = 0 THEN 'rare' END
         FROM generate_series(1, 30000) AS n, LATERAL (SELECT timestamptz '{START}' + n * interval '1 second' AS at) AS time;
         INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at)
         SELECT lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), '{user}', 'sms', 'failed', '{{}}',
                timestamptz '{START}' + (n - 30000) * interval '1 second'
         FROM generate_series(30001, 50000) AS n;
         UPDATE notifications SET ended_at = created_at WHERE status = 'failed';
         ANALYZE notifications"
    );
    execute(&db.pool, &sql).await.expect("rows");
    let minute = NotificationFilter {
        ended_from: Some(second(12_000)),
        ended_before: Some(second(12_060)),
        ..NotificationFilter::default()
    };
    let with = |status, channel| NotificationFilter {
        status,
        channel,
        ..minute.clone()
    };
    let rare = NotificationFilter {
        category: Some("rare".to_owned()),
        ..minute.clone()
    };
    for (filter, expected) in [
        (minute.clone(), 120),
        (with(Some(Status::Processed), None), 60),
        (with(Some(Status::Failed), None), 60),
        (with(None, Some(Channel::InApp)), 20),
        (rare, 1),
    ] {
        let options = TransactionOptions::default();
        let reading = db.pool.transaction(options, async |transaction| {
            let before = read_counts(transaction).await?;
            let page =
                notifications::search_without_contents(transaction, &filter, None, 200).await?;
            let after = read_counts(transaction).await?;
            let counts = std::array::from_fn(|index| after[index] - before[index]);
            Ok((page.rows.len(), counts))
        });
        let (rows, [scans, scanned, fetched]): (_, [i64; 3]) = reading.await.expect("a page");
        assert_eq!((rows, scans, scanned), (expected, 0, 0), "{filter:?}");
        // Those of the minute, once by the index of the ends and once by their ids, for each query of the page.
        assert!(fetched <= 8 * 120, "{fetched}: {filter:?}");
    }
}

/// Sequential scans of the table `notifications`, the rows they have read, and the rows that indexes have led to. PostgreSQL
/// counts a connection's, also those of its earlier transactions that it has not reported yet.
async fn read_counts(client: &impl GenericClient) -> Result<[i64; 3], tokio_postgres::Error> {
    let sql = "SELECT coalesce(sum(seq_scan), 0)::bigint, coalesce(sum(seq_tup_read), 0)::bigint,
                      coalesce(sum(idx_tup_fetch), 0)::bigint
               FROM pg_stat_xact_user_tables WHERE relname = 'notifications'";
    let row = client.query_one(sql, &[]).await?;
    Ok([row.get(0), row.get(1), row.get(2)])
}
