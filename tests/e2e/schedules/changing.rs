use serde_json::{Value, json};
use tidings_tests::World;

use super::{change_one, command, create, patch, time};

#[tokio::test]
async fn a_change_of_the_pattern_or_the_zone_moves_the_next_occurrence() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let (path, created) = create(&client, world.user, &json!({"cron": "0 9 1 1 *"})).await;
    let renamed = patch(&client, &path, &json!({"payload": {"title": "Another"}})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(renamed.body["payload"], json!({"title": "Another"}));
    assert_eq!(renamed.body["nextAt"], created["nextAt"], "as before");
    let moved = patch(&client, &path, &json!({"timezone": "America/New_York"})).await;
    let hours = time(&moved.body["nextAt"]).duration_since(time(&created["nextAt"]));
    assert_eq!(hours.as_hours(), 6, "{}", moved.text);
    let sooner = patch(&client, &path, &json!({"cron": "* * * * *"})).await;
    assert!(time(&sooner.body["nextAt"]) < time(&moved.body["nextAt"]));
    let end = json!({"endsAt": "2099-12-31T00:00:00Z", "startsAt": "2099-12-30T00:00:00Z", "ttlSecs": 60, "group": "g"});
    let bounded = patch(&client, &path, &end).await;
    assert_eq!(bounded.body["nextAt"], "2099-12-30T00:00:00Z");
    assert_eq!(
        (&bounded.body["ttlSecs"], &bounded.body["group"]),
        (&json!(60), &json!("g"))
    );
    let removed = json!({"endsAt": null, "startsAt": null, "ttlSecs": null, "group": null});
    let unbounded = patch(&client, &path, &removed).await;
    assert_eq!(unbounded.body["startsAt"], Value::Null);
    assert!(unbounded.body.get("ttlSecs").is_none() && unbounded.body.get("group").is_none());
    let unchanged = patch(&client, &path, &json!({})).await;
    assert_eq!(unchanged.body["nextAt"], unbounded.body["nextAt"]);
}

#[tokio::test]
async fn a_change_is_checked_like_a_new_schedule_and_refused_as_a_whole() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let sms = json!({"type": "sms", "payload": {"text": "Hello"}});
    let (path, created) = create(&client, world.user, &sms).await;
    for (change, code, field) in [
        (json!({"cron": "0 0 31 2 *"}), "cron_never", "cron"),
        (
            json!({"endsAt": "2020-01-01T00:00:00Z"}),
            "cron_never",
            "cron",
        ),
        (
            json!({"cron": "@daily", "graceSecs": 60}),
            "invalid_fields",
            "cron",
        ),
        (
            json!({"payload": {"title": "Hello"}}),
            "missing_fields",
            "payload.text",
        ),
        (json!({"payload": [1]}), "invalid_fields", "payload"),
        (json!({"type": "email"}), "unknown_fields", "type"),
        (
            json!({"targetUserId": world.user}),
            "unknown_fields",
            "targetUserId",
        ),
        (
            json!({"startsAt": "2027-02-01T00:00:00Z", "endsAt": "2027-01-01T00:00:00Z"}),
            "ends_before_start",
            "endsAt",
        ),
    ] {
        let answer = patch(&client, &path, &change).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), [field], "{change}");
    }
    let in_app = create(&client, world.user, &json!({})).await.0;
    let templated = patch(&client, &in_app, &json!({"template": {"name": "a"}})).await;
    templated.assert_error(400, "invalid_fields");
    assert_eq!(client.get(&path).await.body, created);
}

#[tokio::test]
async fn a_paused_schedule_has_no_next_occurrence_until_it_is_resumed() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let (path, created) = create(&client, world.user, &json!({})).await;
    for _ in 0..2 {
        let paused = command(&client, &path, "pause").await;
        assert_eq!(paused.status, 200, "{}", paused.text);
        assert_eq!(
            (&paused.body["paused"], &paused.body["nextAt"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(paused.body["reason"], Value::Null);
    }
    let changed = patch(&client, &path, &json!({"cron": "0 10 * * 1"})).await;
    assert_eq!(changed.body["nextAt"], Value::Null, "{}", changed.text);
    patch(&client, &path, &json!({"cron": "0 0 31 2 *"}))
        .await
        .assert_error(400, "cron_never");
    for _ in 0..2 {
        let resumed = command(&client, &path, "resume").await;
        assert_eq!(resumed.status, 200, "{}", resumed.text);
        assert_eq!(resumed.body["paused"], false);
        let hours = time(&resumed.body["nextAt"]).duration_since(time(&created["nextAt"]));
        assert_eq!(hours.as_hours().rem_euclid(7 * 24), 1);
    }
}

#[tokio::test]
async fn a_schedule_that_has_ended_or_is_invalid_is_not_resumed() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let (path, created) = create(&client, world.user, &json!({})).await;
    let id = created["id"].as_str().expect("an id");
    command(&client, &path, "pause").await;
    let update = async |change: &str| {
        change_one(
            &world,
            &format!("UPDATE schedules SET {change} WHERE id = '{id}'"),
        )
        .await;
    };
    update("ends_at = now()").await;
    command(&client, &path, "resume")
        .await
        .assert_error(409, "schedule_ended");
    update("ends_at = NULL, timezone = 'Mars/Base'").await;
    command(&client, &path, "resume")
        .await
        .assert_error(409, "invalid_schedule");
    let preview = client.get(&format!("{path}/preview")).await;
    preview.assert_error(409, "invalid_schedule");
    let cron = patch(&client, &path, &json!({"cron": "0 9 * * *"})).await;
    cron.assert_error(400, "invalid_fields");
    let mended = patch(&client, &path, &json!({"timezone": "UTC"})).await;
    assert_eq!(mended.status, 200, "{}", mended.text);
    let resumed = command(&client, &path, "resume").await;
    assert_eq!(resumed.status, 200, "{}", resumed.text);
}
