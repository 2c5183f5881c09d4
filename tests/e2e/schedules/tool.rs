//! `tidings schedules` and `tidings cancel`.

use std::process::Output;

use serde_json::{Value, json};
use tidings_domain::notification::{Channel, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::World;

use super::create;

/// Runs the tool. Returns its JSON and its exit code.
fn run(world: &World, arguments: &[&str]) -> (Value, i32) {
    let output = world.tidings(&[&["--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (json, output.status.code().expect("a code"))
}

/// Runs the tool, which fails. Returns its error.
fn error(world: &World, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = world.tidings(&[&["--json"], arguments].concat());
    assert_eq!(status.code(), Some(1));
    let error: Value = serde_json::from_slice(&stderr).expect("JSON");
    error["error"].as_str().expect("an error").to_owned()
}

#[tokio::test]
async fn the_tool_lists_changes_and_deletes_schedules() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let (path, by_api) = create(&client, world.user, &json!({"group": "reports"})).await;
    let user = world.user.to_string();
    let (made, code) = run(
        &world,
        &[
            "schedules",
            "create",
            "--user",
            &user,
            "--type",
            "sms",
            "--payload",
            r#"{"text": "Hi"}"#,
            "--cron",
            "0 9 * * *",
            "--timezone",
            "Europe/Berlin",
            "--ttl-secs",
            "60",
            "--grace-secs",
            "120",
            "--ends-at",
            "2099-01-01T00:00:00Z",
            "--category",
            "security",
            "--digest-key",
            "a",
        ],
    );
    assert_eq!(code, 0, "{made}");
    assert_eq!(made["digest"], json!({"key": "a"}));
    assert_eq!(
        (&made["sender"], &made["type"]),
        (&json!("operator"), &json!("sms"))
    );
    assert_eq!(
        (&made["ttlSecs"], &made["graceSecs"]),
        (&json!(60), &json!(120))
    );
    let id = made["id"].as_str().expect("an id");
    let by_id = client.get(&format!("/api/schedules/{id}")).await;
    assert_eq!(by_id.body["payload"], made["payload"]);
    let (list, _) = run(&world, &["schedules", "list"]);
    let ids: Vec<_> = list["schedules"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&made["id"], &by_api["id"]]);
    let (list, _) = run(
        &world,
        &["schedules", "list", "--sender", "operator", "--limit", "1"],
    );
    assert_eq!(
        (&list["schedules"][0]["id"], &list["more"]),
        (&made["id"], &json!(false))
    );
    let (found, _) = run(
        &world,
        &["schedules", "get", by_api["id"].as_str().expect("an id")],
    );
    for (field, value) in by_api.as_object().expect("an object") {
        assert_eq!(&found[field], value, "{field}");
    }
    let (paused, _) = run(&world, &["schedules", "pause", id]);
    assert_eq!(
        (&paused["paused"], &paused["nextAt"]),
        (&json!(true), &Value::Null)
    );
    let (resumed, _) = run(&world, &["schedules", "resume", id]);
    assert_eq!(resumed["nextAt"], made["nextAt"]);
    let (preview, _) = run(&world, &["schedules", "preview", id, "--count", "2"]);
    assert_eq!(preview["occurrences"][0], made["nextAt"]);
    assert_eq!(preview["occurrences"].as_array().map(Vec::len), Some(2));
    let (deleted, _) = run(&world, &["schedules", "delete", id]);
    assert_eq!(deleted["deleted"], made["id"]);
    assert!(error(&world, &["schedules", "get", id]).contains("there is no schedule"));
    assert_eq!(client.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_tool_refuses_what_the_api_refuses() {
    let world = World::new().await;
    let user = world.user.to_string();
    let stranger = uuid::Uuid::now_v7().to_string();
    let create = |user: &str, channel: &str, payload: &str, more: &[&str]| {
        let fixed = [
            "schedules",
            "create",
            "--user",
            user,
            "--type",
            channel,
            "--payload",
            payload,
            "--timezone",
            "UTC",
            "--cron",
            "0 9 * * *",
        ];
        error(&world, &[&fixed[..], more].concat())
    };
    let text = r#"{"text": "Hi"}"#;
    assert!(create(&user, "sms", "{}", &[]).contains("payload.text is required"));
    assert!(create(&user, "sms", "[]", &[]).contains("--payload"));
    assert!(create(&user, "in-app", "{}", &["--template", "a"]).contains("--template"));
    let digest = ["--category", "security", "--digest-key", "a"];
    assert!(
        create(&user, "in-app", "{}", &digest).contains("--digest-key is not taken for in-app")
    );
    let unknown = create(&user, "sms", text, &["--category", "gone"]);
    assert!(unknown.contains("there is no such category"), "{unknown}");
    assert!(create(&stranger, "sms", text, &[]).contains("there is no user"));
    assert!(
        create(&user, "sms", text, &["--ends-at", "2020-01-01T00:00:00Z"])
            .contains("no occurrence")
    );
    let usage = world.tidings(&[
        "schedules",
        "preview",
        "--cron",
        "@daily",
        "--timezone",
        "UTC",
    ]);
    assert_eq!(usage.status.code(), Some(2));
    let usage = String::from_utf8_lossy(&usage.stderr).into_owned();
    assert!(usage.contains("must have five fields"), "{usage}");
    let (preview, code) = run(
        &world,
        &[
            "schedules",
            "preview",
            "--cron",
            "0 0 29 2 *",
            "--timezone",
            "Asia/Tokyo",
            "--count",
            "1",
        ],
    );
    assert_eq!(
        (code, preview["occurrences"].as_array().map(Vec::len)),
        (0, Some(1))
    );
}

#[tokio::test]
async fn the_tool_refuses_marketing_by_e_mail_without_a_link() {
    let world = World::new().await;
    let user = world.user.to_string();
    let put = ["categories", "set", "news", "--kind", "marketing"];
    let put = run(&world, &put);
    assert_eq!(put.1, 0, "{}", put.0);
    let create = |settings: &[(&str, &str)], channel: &str, payload: &str| {
        let fixed = ["schedules", "create", "--user", &user, "--category", "news"];
        let given = ["--type", channel, "--payload", payload];
        let times = ["--timezone", "UTC", "--cron", "0 9 * * *"];
        world.tidings_with(settings, &[&fixed[..], &given, &times].concat())
    };
    let unlinked = r#"{"subject": "News", "text": "Hi"}"#;
    let linked =
        r#"{"subject": "News", "text": "Hi", "unsubscribeUrl": "https://shop.example.com/stop"}"#;
    let links = [
        ("PUBLIC_URL", "https://notifications.example.com"),
        ("UNSUBSCRIBE_SECRETS", "6c1b3f0e9d7a4285b0c3d6e9f2a5b8c1"),
    ];
    for settings in [&[], &links[..1]] {
        let refused = create(settings, "email", unlinked);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let error = String::from_utf8_lossy(&refused.stderr);
        for part in [
            "unsubscribeUrl is required",
            "PUBLIC_URL and UNSUBSCRIBE_SECRETS",
            "give one",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
    for (settings, channel, payload) in [
        (&[][..], "email", linked),
        (&[], "sms", r#"{"text": "Hi"}"#),
        (&links, "email", unlinked),
    ] {
        let made = create(settings, channel, payload);
        assert!(made.status.success(), "{payload}: {made:?}");
    }
}

#[tokio::test]
async fn the_tool_cancels_a_notification_or_a_group() {
    let world = World::new().await;
    let api = world.api().await;
    let _worker = world.worker().await;
    let amqp = world.amqp().await;
    let ahead = DeliveryWindow {
        not_before: Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)),
        expires_at: None,
    };
    let publish = async |group: Option<&str>, sender: &str| {
        let notification = Notification {
            channel: Channel::Sms,
            payload: serde_json::value::RawValue::from_string(r#"{"text": "Hi"}"#.to_owned())
                .expect("JSON"),
            window: ahead,
            group: group.map(|group| group.parse().expect("a key")),
            sender: Some(sender.to_owned()),
            ..world.wire()
        };
        amqp.publish(amqp.intake_of(&notification)).await;
        world
            .until_status(notification.message_id, "scheduled")
            .await;
        notification.message_id
    };
    let one = publish(None, "shop").await.to_string();
    let (cancelled, code) = run(&world, &["cancel", &one]);
    assert_eq!((code, &cancelled["status"]), (0, &json!("cancelled")));
    let (unknown, code) = run(&world, &["cancel", &uuid::Uuid::now_v7().to_string()]);
    assert_eq!((code, &unknown["status"]), (0, &json!("cancelling")));
    for (group, sender) in [
        ("a", "shop"),
        ("a", "shop"),
        ("b", "shop"),
        ("a", "billing"),
    ] {
        publish(Some(group), sender).await;
    }
    let several = error(&world, &["cancel", "--group", "a"]);
    assert!(several.contains("billing, shop"), "{several}");
    let (group, code) = run(&world, &["cancel", "--group", "a", "--sender", "shop"]);
    assert_eq!(
        (code, &group["cancelled"], &group["maybeMore"]),
        (0, &json!(2), &json!(false))
    );
    let (group, _) = run(&world, &["cancel", "--group", "a"]);
    assert_eq!(
        (&group["cancelled"], &group["sender"]),
        (&json!(1), &json!("billing"))
    );
    let (none, code) = run(&world, &["cancel", "--group", "a"]);
    assert_eq!((code, &none["cancelled"]), (0, &json!(0)));
    assert_eq!(world.database.count("status = 'scheduled'").await, 1);
    let sent = api.client().post(&world.in_app()).await.accepted();
    world.until_status(sent, "processed").await;
    let (sent, code) = run(&world, &["cancel", &sent.to_string()]);
    assert_eq!((code, &sent["status"]), (1, &json!("already_sent")));
}
