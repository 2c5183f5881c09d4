//! Other times, and expiry.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{eventually, secs};

use super::{HOUR, patch, webhook, world};

#[tokio::test]
async fn a_scheduled_notification_gets_another_time() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let times =
        json!({"sendAt": Timestamp::now() + HOUR, "expiresAt": Timestamp::now() + HOUR * 2});
    let id = client
        .post(&webhook(&world, &receiver, &times))
        .await
        .accepted();
    world.until_status(id, "scheduled").await;
    for (body, code) in [
        (
            json!({"sendAt": Timestamp::now() + HOUR * 3}),
            "expires_before_send",
        ),
        (
            json!({"sendAt": Timestamp::now() + HOUR * 24 * 367}),
            "send_at_too_far",
        ),
        (json!({"sendAt": "tomorrow"}), "invalid_fields"),
        (json!({}), "missing_fields"),
        (json!({"sendAt": null}), "invalid_fields"),
        (
            json!({"sendAt": Timestamp::now(), "group": "a"}),
            "unknown_fields",
        ),
    ] {
        patch(&client, id, &body).await.assert_error(400, code);
    }
    let unknown = MessageId::generate();
    let now = json!({"sendAt": Timestamp::now()});
    patch(&client, unknown, &now)
        .await
        .assert_error(404, "not_found");
    let local = json!({"sendAt": {"local": "2026-01-01T12:00", "timezone": "Europe/Berlin"}});
    let answer = patch(&client, id, &local).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    world.until_status(id, "processed").await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn the_times_of_a_post_are_checked_together() {
    let (receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let now = Timestamp::now();
    for (more, code, fields) in [
        (
            json!({"sendAt": now + HOUR * 24 * 400}),
            "send_at_too_far",
            &["sendAt"][..],
        ),
        (
            json!({"sendAt": now + HOUR, "expiresAt": now + HOUR}),
            "expires_before_send",
            &["expiresAt"],
        ),
        (
            json!({"expiresAt": now - HOUR}),
            "expires_before_send",
            &["expiresAt"],
        ),
        (json!({"ttlSecs": 0}), "invalid_fields", &["ttlSecs"]),
        (
            json!({"ttlSecs": 60, "expiresAt": now + HOUR}),
            "invalid_fields",
            &["ttlSecs"],
        ),
        (json!({"group": "two words"}), "invalid_fields", &["group"]),
        (
            json!({"sendAt": {"local": "2027-03-28T02:30", "timezone": "Mars/Base"}, "group": ""}),
            "invalid_fields",
            &["group", "sendAt.timezone"],
        ),
    ] {
        let answer = client.post(&webhook(&world, &receiver, &more)).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields, "{more}");
        let batch = client
            .post_batch(&[webhook(&world, &receiver, &more)])
            .await;
        assert_eq!(batch.results(), [Err(code.to_owned())], "{more}");
    }
}

#[tokio::test]
async fn a_notification_is_sent_at_the_time_that_its_post_says() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let soon = json!({"sendAt": Timestamp::now() + SignedDuration::from_secs(2), "ttlSecs": 600, "group": "g"});
    let id = client
        .post(&webhook(&world, &receiver, &soon))
        .await
        .accepted();
    let past = json!({"sendAt": "2020-01-01T00:00:00Z"});
    let at_once = client
        .post(&webhook(&world, &receiver, &past))
        .await
        .accepted();
    world.until_status(id, "scheduled").await;
    world.until_status(at_once, "processed").await;
    world.until_status(id, "processed").await;
    let as_posted = "processed_at >= not_before AND group_key = 'g' AND expires_at = not_before + interval '10 minutes'";
    assert_eq!(world.database.count(as_posted).await, 1);
    eventually(secs(10), "both are sent", async || receiver.count() == 2).await;
}

#[tokio::test]
async fn an_in_app_notification_that_has_expired_leaves_the_list() {
    let (_receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let mut body = world.in_app();
    body["ttlSecs"] = json!(3600);
    let [expired, shown] = [
        client.post(&body).await.accepted(),
        client.post(&body).await.accepted(),
    ];
    for id in [expired, shown] {
        world.until_status(id, "processed").await;
    }
    let listed = async || {
        let page = client.get("/api/notifications").await.body["notifications"].take();
        page.as_array()
            .expect("a list")
            .iter()
            .map(|one| one["messageId"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [json!(shown), json!(expired)]);
    let over =
        format!("UPDATE notifications SET expires_at = now() WHERE message_id = '{expired}'");
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(&over, &[]).await?));
    assert_eq!(changed.await.expect("changed"), 1);
    assert_eq!(listed().await, [json!(shown)]);
}
