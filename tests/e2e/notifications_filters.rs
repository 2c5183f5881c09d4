//! What operators find, without reading more than a bounded number of rows, and export.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;
use tidings_db::notifications::{
    self, MAX_SEARCHED, MAX_SEARCHED_WITH_ATTEMPTS, NotificationFilter,
};
use tidings_domain::notification::{Channel, Status};
use tidings_tests::{Client, ServerUrls, TestDatabase, World, tokens};
use uuid::Uuid;

use crate::audit::execute;

/// The n-th message id of a world.
fn id(world: &World, n: u16) -> Uuid {
    Uuid::new_v5(&world.user.as_uuid(), &n.to_be_bytes())
}

/// Seven notifications of the world's user, a second apart.
async fn insert(world: &World, start: Timestamp) {
    let endpoint = Uuid::new_v5(&world.user.as_uuid(), b"endpoint");
    let mut sql = format!(
        "INSERT INTO webhook_endpoints (id, user_id, url, secret)
         VALUES ('{endpoint}', '{}', 'https://Hooks.Example.com:8443/a', 'x');",
        world.user
    );
    for (n, channel, status, more) in [
        (
            0,
            "email",
            "processed",
            "NULL, NULL, 'welcome', 'news', '{}'",
        ),
        (
            1,
            "email",
            "failed",
            "'provider_rejected', NULL, NULL, NULL, '{}'",
        ),
        (2, "sms", "retrying", "NULL, NULL, 'welcome', '=1+1', '{}'"),
        (
            3,
            "sms",
            "scheduled",
            "NULL, 'quiet_hours', NULL, NULL, '{}'",
        ),
        (
            4,
            "webhook",
            "pending",
            "NULL, NULL, NULL, NULL, '{\"to\": \"https://user@hooks.example.com/x\"}'",
        ),
        (5, "webhook", "processed", "NULL, NULL, NULL, NULL, '{}'"),
        (
            6,
            "webhook",
            "processed",
            "NULL, NULL, NULL, NULL, '{\"to\": \"https://example.com/?hooks.example.com\"}'",
        ),
    ] {
        let at = start + jiff::SignedDuration::from_secs(n.into());
        let millis = u64::try_from(at.as_millisecond()).expect("after 1970");
        let row = uuid::Builder::from_unix_timestamp_millis(millis, &rand_of(world)).into_uuid();
        let id = id(world, n);
        write!(
            sql,
            "INSERT INTO notifications (id, message_id, user_id, type, status, created_at, failure_reason, reason,
                                        template_name, category, payload)
             VALUES ('{row}', '{id}', '{}', '{channel}', '{status}', '{at}', {more});",
            world.user
        )
        .expect("a string");
    }
    write!(
        sql,
        "INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome, provider_reference, contact_id)
         VALUES ('{}', 0, 'twilio', now(), 'failed', 'SM1', NULL), ('{}', 0, 'http', now(), 'delivered', NULL, '{endpoint}')",
        id(world, 2),
        id(world, 5)
    )
    .expect("a string");
    execute(&world.database.pool, &sql).await.expect("rows");
}

/// Ten bytes that no other world has.
fn rand_of(world: &World) -> [u8; 10] {
    let bytes = *world.user.as_uuid().as_bytes();
    std::array::from_fn(|place| bytes[place + 6])
}

async fn found(client: &Client, world: &World, query: &str) -> Vec<u16> {
    let path = format!("/api/notifications?targetUserId={}&{query}", world.user);
    let answer = client.get(&path).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    assert_eq!(answer.body["nextCursor"], Value::Null);
    let rows = answer.body["notifications"].as_array().expect("rows");
    let number = |row: &Value| {
        let found = (0..7).find(|n| row["messageId"] == id(world, *n).to_string());
        found.expect("one of them")
    };
    rows.iter().map(number).collect()
}

#[tokio::test]
async fn operators_find_notifications_by_each_condition_and_see_no_payload() {
    let (world, api) = World::shared().await;
    let start: Timestamp = "2026-11-01T00:00:00.5Z".parse().expect("a time");
    insert(&world, start).await;
    let operator = tokens::scoped(
        tidings_domain::notification::UserId::from(Uuid::now_v7()),
        "dashboard",
    );
    let client = api.client().with_token(operator);
    let by_id = format!("messageId={}", id(&world, 3));
    let cases: [(&str, &[u16]); 17] = [
        ("", &[6, 5, 4, 3, 2, 1, 0]),
        ("status=failed", &[1]),
        ("status=processed&type=webhook", &[6, 5]),
        ("type=sms", &[3, 2]),
        ("category=news", &[0]),
        ("template=welcome", &[2, 0]),
        ("template=welcome&type=email", &[0]),
        ("reason=provider_rejected", &[1]),
        ("reason=quiet_hours&status=scheduled", &[3]),
        ("host=hooks.example.com", &[5, 4]),
        ("host=HOOKS.example.com.&status=pending", &[4]),
        ("host=other.example.com", &[]),
        ("reference=SM1", &[2]),
        (&by_id, &[3]),
        ("createdFrom=2026-11-01T00:00:05.5Z", &[6, 5]),
        ("createdTo=2026-11-01T00:00:01.5Z", &[0]),
        (
            "createdFrom=2026-11-01T00:00:01.500001Z&createdTo=2026-11-01T00:00:03.500001Z",
            &[3, 2],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&client, &world, query).await, expected, "{query}");
    }
    let path = format!("/api/notifications/{}", id(&world, 4));
    for (client, is_hidden) in [(&client, true), (&api.client(), false)] {
        let row = client.get(&path).await.body;
        assert_eq!(row["payload"].is_null(), is_hidden, "{row}");
        assert_eq!(row["payloadHidden"] == true, is_hidden, "{row}");
    }
    // The user's own token sees what it saw before.
    let own = api
        .client()
        .with_token(tokens::scoped(world.user, "notifications:read"));
    assert_eq!(found(&own, &world, "type=sms").await, [3, 2]);
    assert!(own.get(&path).await.body["payload"].is_object());
}

#[tokio::test]
async fn an_export_contains_all_that_match_and_no_formula() {
    let world = World::new().await;
    let api = world.api().await;
    insert(&world, Timestamp::now()).await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dashboard"));
    let path = "/api/notifications/export";
    let csv = client.get(path).await;
    assert_eq!(csv.status, 200, "{}", csv.text);
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(
        csv.header("content-disposition")
            .contains("notifications.csv")
    );
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 8, "{}", csv.text);
    assert!(lines[0].starts_with("messageId,targetUserId,type,status,reason"));
    assert!(csv.text.contains(",'=1+1,"), "{}", csv.text);
    assert!(!csv.text.contains("hooks.example.com"), "{}", csv.text);
    let json = client
        .get(&format!(
            "{path}?format=ndjson&type=webhook&status=processed"
        ))
        .await;
    let lines: Vec<Value> = json
        .text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{}", json.text);
    assert_eq!(lines[0]["messageId"], id(&world, 6).to_string());
    assert_eq!(lines[0]["type"], "webhook");
    let wrong = client.get(&format!("{path}?format=xlsx&limit=3")).await;
    wrong.assert_error(400, "invalid_query");
    let nobody = client.with_token(tokens::scoped(world.user, "templates:write"));
    assert_eq!(nobody.get(path).await.status, 403);
    let entries = api
        .client()
        .get("/api/audit?action=notification.export")
        .await;
    let entries = entries.body["entries"].as_array().expect("entries").clone();
    assert_eq!(entries.len(), 2);
    let filter = "format=ndjson&type=webhook&status=processed";
    assert_eq!(entries[0]["details"]["filter"], filter);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.csv");
    let name = file.to_str().expect("a name");
    let exported = world.tidings(&["notifications", "export", "--output", name]);
    assert!(exported.status.success(), "{exported:?}");
    let written = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(written, csv.text);
    let listed = world.tidings(&["--json", "notifications", "list", "--template", "welcome"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed["notifications"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_page_reads_a_bounded_number_of_rows_and_the_next_one_goes_on() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, category)
         SELECT lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), '{user}', 'email', 'failed', '{{}}',
                timestamptz '2026-11-01' + n * interval '1 second',
                CASE WHEN n IN (1, 20002) THEN 'rare' END
         FROM generate_series(1, 20002) AS n;
         ANALYZE notifications"
    );
    execute(&db.pool, &sql).await.expect("rows");
    let filters = [
        NotificationFilter::default(),
        NotificationFilter {
            user_id: Some(user),
            ..NotificationFilter::default()
        },
        NotificationFilter {
            status: Some(Status::Failed),
            channel: Some(Channel::Email),
            ..NotificationFilter::default()
        },
        NotificationFilter {
            channel: Some(Channel::Email),
            ..NotificationFilter::default()
        },
    ];
    for filter in filters {
        let filter = NotificationFilter {
            category: Some("rare".to_owned()),
            ..filter
        };
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let reading = db.pool.run(async |client| {
                notifications::search_without_contents(client, &filter, after, 10).await
            });
            let page = reading.await.expect("a page");
            pages.push((page.rows.len(), page.searched_until.is_some()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(MAX_SEARCHED, 10_000);
        assert_eq!(pages, [(1, true), (0, true), (1, false)], "{filter:?}");
    }
    // The attempts of each row are looked up: a page reads fewer.
    let reference = NotificationFilter {
        reference: Some("unknown".to_owned()),
        ..NotificationFilter::default()
    };
    let count = "SELECT count(*) FROM notifications";
    let counting = db
        .pool
        .run(async |client| Ok(client.query_one(count, &[]).await?.get(0)));
    let rows: i64 = counting.await.expect("a number");
    let (mut pages, mut after) = (0, None);
    loop {
        let reading = db.pool.run(async |client| {
            notifications::search_without_contents(client, &reference, after, 10).await
        });
        after = reading.await.expect("a page").next;
        pages += 1;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, rows / MAX_SEARCHED_WITH_ATTEMPTS + 1);
    let all = NotificationFilter::default();
    let reading = db
        .pool
        .run(async |client| notifications::search(client, &all, None, 10).await);
    let page = reading.await.expect("a page");
    assert_eq!((page.rows.len(), page.searched_until), (10, None));
}
