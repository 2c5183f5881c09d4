//! `tidings templates` and `tidings users quiet-hours`.

use serde_json::{Value, json};
use tidings_tests::World;
use uuid::Uuid;

/// Runs the tool. Returns its exit code and its report.
fn run(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
    let output = world.tidings(&arguments);
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report)
}

#[tokio::test]
async fn templates_are_written_previewed_rolled_back_and_deleted_from_the_command_line() {
    let (world, api) = World::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = file("good.txt", "Hello {{ name }}");
    let wrong = file("wrong.txt", "Hello\n\n{{ order.number }}\n{% if %}");
    let name = format!("t-{}", Uuid::now_v7());
    let sms = ["--channel", "sms"];
    let with = |words: &[&str]| -> (Option<i32>, Value) {
        let words: Vec<&str> = words.iter().chain(&sms).copied().collect();
        run(&world, &words)
    };

    let variables = r#"{"name": "Anna"}"#;
    let (code, shown) = with(&[
        "templates",
        "preview",
        "--text",
        &good,
        "--variables",
        variables,
    ]);
    assert_eq!((code, &shown["text"]), (Some(0), &json!("Hello Anna")));
    let (code, shown) = with(&["templates", "preview", "--text", &wrong]);
    assert_eq!((code, &shown["problems"][0]["line"]), (Some(1), &json!(4)));
    assert_eq!(
        with(&["templates", "put", &name, "--text", &wrong]).0,
        Some(1)
    );
    assert_eq!(with(&["templates", "put", &name]).0, Some(2), "wrong usage");
    let (code, shown) = with(&["templates", "put", &name, "--text", &good]);
    assert_eq!((code, &shown["version"]), (Some(0), &json!(1)));
    let other = file("other.txt", "Dear {{ name }}");
    assert_eq!(
        with(&["templates", "put", &name, "--text", &other]).1["version"],
        2
    );
    assert_eq!(
        with(&["templates", "put", &name, "--from-version", "1"]).1["version"],
        3
    );
    assert_eq!(
        with(&["templates", "show", &name]).1["text"],
        "Hello {{ name }}"
    );
    let old = with(&["templates", "show", &name, "--version", "2"]).1;
    assert_eq!(old["text"], "Dear {{ name }}");
    let preview = ["templates", "preview", &name, "--variables", variables];
    let (code, shown) = with(&preview);
    assert_eq!((code, &shown["text"]), (Some(0), &json!("Hello Anna")));
    let used = json!({"name": name, "channel": "sms", "locale": "default", "version": 3});
    assert_eq!(shown["template"], used);
    let (_, shown) = with(&[&preview[..], &["--version", "2"]].concat());
    assert_eq!(shown["text"], "Dear Anna");
    // A language that there is not falls back, as for a notification.
    let (_, shown) = with(&[&preview[..], &["--locale", "de-AT"]].concat());
    assert_eq!(shown["template"], used);
    let (code, shown) = with(&["templates", "preview", &name]);
    assert_eq!(
        (code, &shown["problems"][0]["code"]),
        (Some(1), &json!("missing_variable"))
    );
    assert_eq!(with(&["templates", "preview", "no-such"]).0, Some(1));
    for wrong in [
        &["templates", "preview"][..],
        &[&preview[..], &["--text", &good]].concat(),
    ] {
        assert_eq!(with(wrong).0, Some(2), "{wrong:?}");
    }
    let versions = with(&["templates", "versions", &name, "--limit", "2"]).1;
    assert_eq!(versions["templates"].as_array().map(Vec::len), Some(2));
    assert_eq!(versions["more"], true);
    let versions = with(&["templates", "versions", &name]).1;
    assert_eq!(versions["templates"].as_array().map(Vec::len), Some(3));
    let listed = run(&world, &["templates", "list", "--name", &name]).1;
    assert_eq!(listed["templates"][0]["version"], 3);
    let named_by = run(&world, &["templates", "uses", &name]).1;
    assert_eq!(named_by, json!({"schedules": [], "more": false}));
    assert_eq!(with(&["templates", "delete", &name]).0, Some(0));
    assert_eq!(with(&["templates", "delete", &name]).0, Some(1));
    let path = format!("/api/audit?target={name}/sms/default");
    let audited = api.client().get(&path).await.body;
    assert_eq!(
        audited["entries"].as_array().map(Vec::len),
        Some(4),
        "{audited}"
    );
}

#[tokio::test]
async fn quiet_hours_are_shown_and_changed_from_the_command_line() {
    let (world, api) = World::shared().await;
    let user = world.user.to_string();
    let quiet_hours = |words: &[&str]| {
        let start = ["users", "quiet-hours", user.as_str()];
        let words: Vec<&str> = start.iter().chain(words).copied().collect();
        run(&world, &words)
    };
    assert_eq!(quiet_hours(&[]).1["quiet"], json!([]));
    let words = ["--set", "mon-fri 22:00-07:00", "--channels", "push,email"];
    let (code, shown) = quiet_hours(&words);
    let expected = json!([{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "07:00"}]);
    assert_eq!((code, &shown["quiet"]), (Some(0), &expected));
    let path = format!("/api/users/{user}/settings");
    let settings = api.client().get(&path).await.body;
    assert_eq!(settings["quiet"], expected);
    assert_eq!(settings["quietChannels"], json!(["push", "email"]));
    for words in [
        &["--set", "mon-fri"][..],
        &["--set", "daily 00:00-12:00", "--set", "daily 12:00-00:00"],
        &["--channels", "webhook"],
    ] {
        assert_ne!(quiet_hours(words).0, Some(0), "{words:?}");
    }
    assert_eq!(quiet_hours(&["--none"]).1["quiet"], json!([]));
}
