use serde_json::Value;
use tidings_tests::World;
use tidings_tests::secret_keys::{KEY, new_key};

use super::{commands, finding, follow, report, severity};
use crate::secret_keys::create;

const CHECK: &str = "endpoint-secrets";

fn message(report: &Value) -> &str {
    let found = finding(report, CHECK);
    found["message"].as_str().expect("a message")
}

#[tokio::test]
async fn doctor_finds_readable_secrets_and_those_under_other_keys() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    assert_eq!(severity(&report(&world, &[]), CHECK), "ok", "no endpoints");
    let api = world
        .start(tidings_tests::ProgramKind::Api, &[("SECRETS_KEY", "")])
        .await;
    create(&api.client(), &world, "https://example.com/a").await;

    // Readable, without a key and with one.
    let readable = report(&world, &[("SECRETS_KEY", "")]);
    assert_eq!(severity(&readable, CHECK), "warning", "{readable}");
    let production = [("SECRETS_KEY", ""), ("APP_ENV", "production")];
    assert_eq!(severity(&report(&world, &production), CHECK), "error");
    let readable = report(&world, &[]);
    assert!(message(&readable).contains("1 secret of webhook endpoints is readable"));
    for command in commands(finding(&readable, CHECK)) {
        follow(&world, &command);
    }
    assert_eq!(severity(&report(&world, &[]), CHECK), "ok");

    // Under a former key.
    let new = new_key("new");
    let both = format!("{new},{KEY}");
    let former = report(&world, &[("SECRETS_KEY", &both)]);
    assert_eq!(severity(&former, CHECK), "warning");
    assert!(
        message(&former)
            .contains("encrypted under the key tests, and the first key of SECRETS_KEY is new")
    );

    // Under a key that is gone, or has another value.
    let other = new_key("tests");
    for (key, says) in [
        ("", "the key tests, which SECRETS_KEY does not contain"),
        (&new, "the key tests, which SECRETS_KEY does not contain"),
        (&other, "the key tests does not decrypt it"),
    ] {
        let unopened = report(&world, &[("SECRETS_KEY", key)]);
        assert_eq!(severity(&unopened, CHECK), "error", "{unopened}");
        assert!(message(&unopened).contains(says), "{unopened}");
    }
    let wrong = report(&world, &[("SECRETS_KEY", "1:hunter2")]);
    assert_eq!(severity(&wrong, "settings"), "error");
}
