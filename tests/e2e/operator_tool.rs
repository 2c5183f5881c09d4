//! The tool `tidings`, without its commands for dead letters and without `doctor`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tidings_tests::World;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn tokens_are_issued_only_in_development() {
    let world = World::new().await;
    let api = world.api().await;
    let token = world.tidings(&["token", "--scope", "notifications:send"]);
    let token = String::from_utf8(token.stdout).expect("UTF-8");
    assert_eq!(token.lines().count(), 1, "the token and nothing else");
    let client = api.client().with_token(token.trim());
    let answer = client.post(&world.in_app()).await;
    answer.assert_error(403, "forbidden");
    let token = world.tidings(&["token"]);
    let token = String::from_utf8(token.stdout).expect("UTF-8");
    let claims = token.split('.').nth(1).expect("claims");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["scope"], "admin", "rights are stated");
    let client = api.client().with_token(token.trim());
    let _ = client.post(&world.in_app()).await.accepted();

    let production = World::with(&[("APP_ENV", "production")]).await;
    let refused = production.tidings(&["token"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
}

#[tokio::test]
async fn topology_is_declared_and_printed() {
    let world = World::new().await;
    let printed = json(&world.tidings(&["--json", "topology"]));
    let queues = printed["queues"].as_array().expect("queues");
    assert!(
        queues
            .iter()
            .any(|queue| queue["name"] == "notifications_dlq"),
        "{printed}"
    );
    assert_eq!(
        world.amqp().await.intake_depth().await,
        0,
        "the queue exists"
    );
}
