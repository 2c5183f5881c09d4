use serde_json::json;
use tidings_domain::notification::UserId;
use tidings_tests::{World, tokens};
use uuid::Uuid;

use super::{daily, patch, path};

#[tokio::test]
async fn settings_have_defaults_and_change_field_by_field() {
    let (world, api) = World::shared().await;
    let (user, other) = (world.user, world.database.user().await);
    let client = api.client();
    let own = client.with_token(tokens::scoped(user, "preferences:write"));
    let path = path(user);
    let defaults = json!({
        "timezone": null, "locale": null, "quiet": [], "quietChannels": ["push", "sms"], "digestAt": "09:00",
        "digests": {},
    });
    assert_eq!(own.get(&path).await.body, defaults);
    let all = json!({
        "timezone": "Europe/Vienna", "locale": "de-AT", "quiet": daily("22:00", "07:00"),
        "quietChannels": ["email", "push"], "digestAt": "18:30", "digests": {"security": "daily"},
    });
    let changed = patch(&own, &path, &all).await;
    assert_eq!(
        (changed.status, &changed.body),
        (200, &all),
        "{}",
        changed.text
    );
    assert_eq!(client.get(&path).await.body, all);
    // The zone and the language are those of the user.
    let shown = client.get(&format!("/api/users/{user}")).await.body;
    assert_eq!(
        [&shown["timezone"], &shown["locale"]],
        ["Europe/Vienna", "de-AT"]
    );
    let mut expected = all.clone();
    for (change, field, value) in [
        (json!({}), "timezone", json!("Europe/Vienna")),
        (
            json!({"timezone": "asia/tokyo"}),
            "timezone",
            json!("Asia/Tokyo"),
        ),
        (json!({"quietChannels": []}), "quietChannels", json!([])),
        (
            json!({"digests": {}}),
            "digests",
            json!({"security": "daily"}),
        ),
        (json!({"digests": {"security": null}}), "digests", json!({})),
        (json!({"quiet": null}), "quiet", json!([])),
        (
            json!({"quietChannels": null}),
            "quietChannels",
            json!(["push", "sms"]),
        ),
        (
            json!({"digestAt": null, "locale": null}),
            "digestAt",
            json!("09:00"),
        ),
        (json!({"timezone": null}), "timezone", json!(null)),
    ] {
        expected[field] = value;
        if change.get("locale").is_some() {
            expected["locale"] = json!(null);
        }
        let changed = patch(&own, &path, &change).await;
        assert_eq!(
            (changed.status, &changed.body),
            (200, &expected),
            "{change}"
        );
    }
    assert_eq!(expected, defaults);
    for (client, user, status) in [
        (&own, other, 403),
        (
            &client.with_token(tokens::scoped(user, "users:write contacts:write")),
            user,
            403,
        ),
        (&client.anonymous(), user, 401),
        (&client, UserId::from(Uuid::new_v4()), 404),
    ] {
        let path = super::path(user);
        assert_eq!(client.get(&path).await.status, status);
        assert_eq!(patch(client, &path, &all).await.status, status);
    }
    let me = client.get("/api/users/me/settings").await;
    me.assert_error(400, "invalid_user_id");
    let mine = "/api/me/settings";
    client.get(mine).await.assert_error(404, "not_found");
    let changed = patch(&own, mine, &all).await;
    assert_eq!(
        (changed.status, &changed.body),
        (200, &all),
        "{}",
        changed.text
    );
    assert_eq!(own.get(mine).await.body, all);
}

#[tokio::test]
async fn wrong_settings_are_refused_and_change_nothing() {
    let (world, api) = World::shared().await;
    let (client, path) = (api.client(), path(world.user));
    let before = client.get(&path).await.body;
    let all_day = json!([
        {"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "12:00"},
        {"days": [1, 2, 3, 4, 5, 6, 7], "from": "12:00", "to": "00:00"},
    ]);
    let many = vec![json!({"days": [1], "from": "22:00", "to": "07:00"}); 15];
    for (wrong, code, field) in [
        (
            json!({"quiet": all_day, "locale": "de"}),
            "quiet_hours_never_end",
            "quiet",
        ),
        (
            json!({"quiet": daily("22:00", "22:00")}),
            "invalid_fields",
            "quiet[0].to",
        ),
        (json!({"quiet": many}), "invalid_fields", "quiet"),
        (
            json!({"quiet": daily("22:00", "24:00")}),
            "invalid_fields",
            "quiet[0].to",
        ),
        (
            json!({"quietChannels": ["in-app"]}),
            "invalid_fields",
            "quietChannels",
        ),
        (json!({"timezone": "+02:00"}), "invalid_fields", "timezone"),
        (json!({"digestAt": "9"}), "invalid_fields", "digestAt"),
        (
            json!({"digests": {"security": "hourly"}}),
            "invalid_fields",
            "digests.security",
        ),
        (
            json!({"digests": {"gone": "daily"}, "locale": "de"}),
            "unknown_category",
            "digests.gone",
        ),
        (json!({"email": "a@example.com"}), "unknown_fields", "email"),
    ] {
        let answer = patch(&client, &path, &wrong).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), [field]);
    }
    assert_eq!(client.get(&path).await.body, before);
}
