//! Changes by the tool, and what it prints.

use serde_json::{Value, json};
use tidings_tests::{World, tokens};

use super::{succeeds, tidings};

/// The entries of the audit log, the newest first: the actor's kind, the action and the details.
fn entries(world: &World) -> Vec<Value> {
    let listed = succeeds(world, &["audit"]);
    let entries = listed["entries"].as_array().expect("a list").iter();
    let entry = |entry: &Value| json!([entry["actor"]["kind"], entry["action"], entry["details"]]);
    entries.map(entry).collect()
}

/// The tool refuses each of these, with this exit code and a message that contains this.
fn refuses(world: &World, command: &str, cases: &[(&[&str], i32, &str)]) {
    for (arguments, code, problem) in cases {
        let (exit, _, errors) = tidings(world, &[&[command], *arguments].concat());
        assert_eq!(exit, Some(*code), "{arguments:?}");
        assert!(errors.contains(problem), "{errors}");
    }
}

#[tokio::test]
async fn categories_and_preferences_are_changed_by_the_tool_as_by_the_api() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let admin = client.with_token(tokens::scoped(world.user, "admin categories:write"));
    let set = "categories set news --kind marketing --label News --default-off sms --default-off push --throttle 3/3600 \
               --throttle-key topic --digest window/600 --digest-max-items 20 --quiet ignore --unlisted";
    let set: Vec<&str> = set.split_whitespace().collect();
    let created = succeeds(&world, &set);
    let found = admin.get("/api/categories/news").await;
    assert_eq!(created, found.body, "{}", found.text);
    assert_eq!(created["defaults"], json!({"push": false, "sms": false}));
    let expected = json!({"limit": 3, "windowSecs": 3600, "key": "topic"});
    assert_eq!(created["throttle"], expected);
    let expected = json!({"mode": "window", "windowSecs": 600, "maxItems": 20});
    assert_eq!(created["digest"], expected);
    assert_eq!(succeeds(&world, &set), created, "unchanged");
    let plain = succeeds(
        &world,
        &["categories", "set", "news", "--kind", "marketing"],
    );
    assert_eq!(
        (&plain["throttle"], &plain["listed"]),
        (&Value::Null, &json!(true))
    );
    let listed = succeeds(&world, &["categories", "list"]);
    assert_eq!(listed, admin.get("/api/categories").await.body);
    let critical = ["set", "alarm", "--kind", "critical", "--digest", "daily"];
    let refused: [(&[&str], i32, &str); 6] = [
        (&["set", "security"], 1, "built in"),
        (&["delete", "security"], 1, "built in"),
        (&["delete", "gone"], 1, "no category gone"),
        (&["set", "News"], 2, "must be 1 to 64"),
        (&["set", "news", "--throttle", "3"], 2, "must be a number"),
        (
            &critical,
            1,
            "digest.mode must be off for a critical category",
        ),
    ];
    refuses(&world, "categories", &refused);

    let user = world.user.to_string();
    let chosen = succeeds(
        &world,
        &["preferences", "set", &user, "news/email=off", "*/sms=on"],
    );
    let path = format!("/api/users/{user}/preferences");
    let grid = admin.get(&path).await;
    assert_eq!(chosen, grid.body, "{}", grid.text);
    assert_eq!(succeeds(&world, &["preferences", "get", &user]), grid.body);
    let sources = grid.body["preferences"].as_array().expect("a list").iter();
    let sources: Vec<_> = sources.map(|one| one["source"].clone()).collect();
    assert_eq!(sources, ["admin", "admin"]);
    let reset = succeeds(
        &world,
        &[
            "preferences",
            "set",
            &user,
            "news/email=reset",
            "*/sms=reset",
        ],
    );
    assert_eq!(reset["preferences"], json!([]));
    let nobody = "00000000-0000-4000-8000-000000000009";
    let refused: [(&[&str], i32, &str); 5] = [
        (&["set", &user, "gone/sms=off"], 1, "no category gone"),
        (&["set", &user, "security/sms=off"], 1, "critical"),
        (&["set", "nobody", "*/sms=off"], 1, "no user nobody"),
        (&["set", &user, "*/sms"], 2, "CATEGORY/CHANNEL"),
        (&["get", nobody], 1, "no user"),
    ];
    refuses(&world, "preferences", &refused);
    succeeds(&world, &["categories", "delete", "news"]);
    assert_eq!(
        admin.get("/api/categories").await.body["categories"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    let kind = json!({"kind": "marketing"});
    let expected = [
        json!(["cli", "category.delete", {}]),
        json!(["cli", "preferences.update", {"preferences": ["news/email: reset", "*/sms: reset"]}]),
        json!(["cli", "preferences.update", {"preferences": ["news/email: off", "*/sms: on"]}]),
        json!(["cli", "category.put", kind]),
        json!(["cli", "category.put", kind]),
    ];
    assert_eq!(entries(&world), expected);
}
