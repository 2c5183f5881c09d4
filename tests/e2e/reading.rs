//! `GET /api/notifications/{messageId}` and the list.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_tests::{Client, Program, World, eventually, secs};

#[tokio::test]
async fn a_recorded_notification_is_read_unchanged() {
    let world = World::new().await;
    let api = world.api().await;
    let mut body = world.in_app();
    body["payload"] = json!({"title": "Grüße 👋", "nested": {"list": [1, 2.5, null, true]}});
    let answer = api.client().post(&body).await;
    let (id, location) = (answer.accepted(), answer.header("Location").to_owned());
    api.client()
        .get(&location)
        .await
        .assert_error(404, "not_found");

    let _worker = world.worker().await;
    eventually(secs(20), "it is recorded", async || {
        api.client().get(&location).await.status == 200
    })
    .await;
    let mut read = api.client().get(&location).await.body;
    let times = ["createdAt", "processedAt"].map(|name| {
        let time = read[name].take();
        let time = time.as_str().expect("a time").parse::<Timestamp>();
        time.expect("RFC 3339")
    });
    assert!(times[0] <= times[1]);
    let expected = json!({
        "messageId": id, "targetUserId": world.user, "type": "in-app", "payload": body["payload"],
        "status": "processed", "retriesAttempted": 0, "createdAt": null, "processedAt": null,
        "errorMessage": null,
        "decision": {"outcome": "send", "reason": null, "rule": null, "until": null},
    });
    assert_eq!(read, expected);
}

#[tokio::test]
async fn an_unknown_notification_is_a_404() {
    let (_world, api) = World::shared().await;
    let answer = api
        .client()
        .get(&format!("/api/notifications/{}", MessageId::generate()))
        .await;
    answer.assert_error(404, "not_found");
}

/// All pages of a list, each of `limit` at most.
async fn pages(client: &Client, query: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/notifications?limit={limit}{query}{cursor}");
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let page = answer.body["notifications"].as_array().expect("a list");
        assert!(page.len() <= limit, "{path}");
        all.extend(page.iter().cloned());
        match &answer.body["nextCursor"] {
            Value::Null => return all,
            Value::String(next) => {
                assert_eq!(page.len(), limit, "only the last page is short");
                cursor = format!("&cursor={next}");
            }
            other => panic!("{other}"),
        }
    }
}

/// An installation with 120 notifications: 24 of each channel, a third of them of another user.
async fn filled() -> (World, Program, UserId) {
    let world = World::new().await;
    let api = world.api().await;
    let other = world.database.user().await;
    let start = Timestamp::now();
    let mut all = Vec::new();
    for (i, channel) in Channel::ALL.into_iter().cycle().take(120).enumerate() {
        all.push(Notification {
            user_id: Some(if i % 3 == 0 { other } else { world.user }),
            channel,
            accepted_at: start + SignedDuration::from_millis(i.try_into().expect("few")),
            ..world.wire()
        });
    }
    let all: Vec<_> = all.iter().collect();
    let recorded = world
        .database
        .pool
        .run(async |client| tidings_db::notifications::insert_batch(client, &all).await)
        .await;
    assert_eq!(recorded.expect("recorded").len(), 120);
    (world, api, other)
}

#[tokio::test]
async fn pages_are_newest_first_without_gaps_or_repetitions() {
    let (_world, api, _) = filled().await;
    let client = api.client();
    let whole = pages(&client, "", 200).await;
    let ids: HashSet<&str> = whole
        .iter()
        .filter_map(|n| n["messageId"].as_str())
        .collect();
    assert_eq!((whole.len(), ids.len()), (120, 120));
    let times: Vec<Timestamp> = whole
        .iter()
        .map(|n| {
            n["createdAt"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a time")
        })
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first");
    for limit in [1, 7, 40, 119, 120] {
        assert_eq!(pages(&client, "", limit).await, whole, "limit {limit}");
    }
    let default = client.get("/api/notifications").await;
    let listed = default.body["notifications"].as_array().map(Vec::len);
    assert_eq!(listed, Some(50), "the default limit");
}

#[tokio::test]
async fn filters_return_all_matching_notifications_and_no_other() {
    let (world, api, other) = filled().await;
    let (client, user) = (api.client(), world.user);
    for (query, expected) in [
        (format!("&targetUserId={other}"), 40),
        (format!("&targetUserId={user}"), 80),
        ("&status=processed".to_owned(), 24),
        ("&status=pending".to_owned(), 96),
        ("&status=failed".to_owned(), 0),
        ("&type=sms".to_owned(), 24),
        ("&type=in-app&status=pending".to_owned(), 0),
        (
            format!("&type=email&status=pending&targetUserId={other}"),
            8,
        ),
    ] {
        let listed = pages(&client, &query, 9).await;
        assert_eq!(listed.len(), expected, "{query}");
        for one in listed {
            for wanted in query.split('&').filter(|part| !part.is_empty()) {
                let (name, value) = wanted.split_once('=').expect("a pair");
                assert_eq!(one[name], value, "{query}");
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let (_world, api, _) = filled().await;
    let client = api.client();
    let first = client.get("/api/notifications?limit=5").await;
    let cursor = first.body["nextCursor"].as_str().expect("a cursor");
    for tampered in [
        &cursor[1..],
        &cursor[..cursor.len() - 1],
        "",
        "%00",
        "'; --",
        &format!("{cursor}0"),
    ] {
        let answer = client
            .get(&format!("/api/notifications?cursor={tampered}"))
            .await;
        assert_eq!(answer.status, 400, "{tampered:?}: {}", answer.text);
        answer.assert_error_shape();
        assert_eq!(answer.fields(), ["cursor"]);
    }
}
