//! `tidings secrets rotate`.

use serde_json::{Value, json};
use tidings_tests::World;
use tidings_tests::secret_keys::{KEY, new_key};

use super::{create, table_text};

/// Runs the command. Returns its exit code, its JSON and everything that it prints.
fn run(world: &World, key: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let mut words = vec!["--json", "secrets", "rotate"];
    words.extend(arguments);
    let output = world.tidings_with(&[("SECRETS_KEY", key)], &words);
    let printed = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), json, printed.concat())
}

#[tokio::test]
async fn the_dry_run_counts_and_changes_nothing_and_the_command_encrypts_once() {
    let world = World::new().await;
    let api = world.api().await;
    for path in ["a", "b"] {
        create(
            &api.client(),
            &world,
            &format!("https://example.com/{path}"),
        )
        .await;
    }
    let new = new_key("new");
    let both = format!("{new},{KEY}");
    let before = table_text(&world).await;
    let expected = |dry_run: bool| {
        json!({
            "dryRun": dry_run, "key": "new", "endpoints": 2, "unchanged": 0, "encrypted": 2,
            "before": {"readable": 0, "formerKeys": {"tests": 2}}, "deletedPrevious": 0,
            "unopened": [],
        })
    };
    let (code, json, _) = run(&world, &both, &["--dry-run"]);
    assert_eq!((code, json), (Some(0), expected(true)));
    assert_eq!(table_text(&world).await, before);
    let (code, json, printed) = run(&world, &both, &[]);
    assert_eq!((code, json), (Some(0), expected(false)));
    let (_, bytes) = new.split_once(':').expect("a key");
    assert!(!printed.contains(bytes), "{printed}");
    let (code, json, _) = run(&world, &new, &[]);
    assert_eq!(
        (code, &json["unchanged"], &json["encrypted"]),
        (Some(0), &json!(2), &json!(0))
    );

    let text = world.tidings_with(&[("SECRETS_KEY", &new)], &["secrets", "rotate"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert_eq!(
        text,
        "Encrypted 0 secrets under the key new. 2 were already.\n"
    );
}

#[tokio::test]
async fn secrets_that_no_key_decrypts_stay_as_they_are_and_are_reported() {
    let world = World::new().await;
    let api = world.api().await;
    create(&api.client(), &world, "https://example.com/a").await;
    let before = table_text(&world).await;
    let (code, json, _) = run(&world, &new_key("new"), &[]);
    assert_eq!(code, Some(1), "{json}");
    let unopened = json["unopened"][0].clone();
    assert_eq!(unopened["count"], 1);
    let reason = unopened["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("the key tests, which SECRETS_KEY does not contain"),
        "{reason}"
    );
    assert_eq!(table_text(&world).await, before);
}

#[tokio::test]
async fn without_a_valid_key_the_command_reports_the_setting() {
    let world = World::new().await;
    for wrong in ["", "1:not-base64"] {
        let (code, _, printed) = run(&world, wrong, &[]);
        assert_eq!(code, Some(78), "{printed}");
        assert!(printed.contains("SECRETS_KEY: "), "{printed}");
        assert!(!printed.contains("not-base64"), "{printed}");
    }
}
