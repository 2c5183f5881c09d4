//! In production, no secret is stored readable.

use jiff::Timestamp;
use serde_json::json;
use tidings_tests::secret_keys::new_key;
use tidings_tests::{Program, ProgramKind, World, tokens};

use super::{create, rotate, send, table_text};

const PRODUCTION: (&str, &str) = ("APP_ENV", "production");

#[tokio::test]
async fn in_production_without_a_key_no_endpoint_gets_a_secret() {
    let world = World::with(&[("WEBHOOK_PROVIDER", "http")]).await;
    let (development, production) = tokio::join!(
        world.api(),
        world.start(ProgramKind::Api, &[PRODUCTION, ("SECRETS_KEY", "")])
    );
    let (path, _) = create(&development.client(), &world, "https://example.com/a").await;
    let before = table_text(&world).await;
    let expiry = Timestamp::now().as_second() + 600;
    let claims = json!({"userId": tokens::SERVICE, "exp": expiry, "scope": "admin"});
    let client = production.client().with_token(tokens::signed(&claims));
    let new = json!({"userId": world.user, "url": "https://example.com/b"});
    let refused = send(&client, "/api/webhook-endpoints", &new).await;
    refused.assert_error(503, "secrets_key_missing");
    let refused = send(&client, &format!("{path}/rotate-secret"), &json!({})).await;
    refused.assert_error(503, "secrets_key_missing");
    assert_eq!(table_text(&world).await, before);
    let warned = production
        .logs()
        .with_message("SECRETS_KEY is not set: webhook endpoints cannot be created");
    assert_eq!(warned.len(), 1);
    // Everything that needs no secret works.
    assert_eq!(client.get(&path).await.status, 200);

    let key = new_key("1");
    let settings = [PRODUCTION, ("SECRETS_KEY", key.as_str())];
    let with_key = world.start(ProgramKind::Api, &settings).await;
    let client = with_key.client().with_token(tokens::signed(&claims));
    create(&client, &world, "https://example.com/b").await;
    rotate(&client, &path).await;
}

#[tokio::test]
async fn in_production_a_worker_for_webhooks_needs_a_key_once_there_is_an_endpoint() {
    let world = World::with(&[("WEBHOOK_PROVIDER", "http")]).await;
    let without_key = [
        PRODUCTION,
        ("SECRETS_KEY", ""),
        ("WORKER_CHANNELS", "intake,webhook"),
    ];
    let mut worker = world.start(ProgramKind::Worker, &without_key).await;
    worker.stop().await;
    let api = world.api().await;
    create(&api.client(), &world, "https://example.com/a").await;

    let output = Program::run_to_end(ProgramKind::Worker, &world.settings(&without_key)).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("SECRETS_KEY is not set, and there are webhook endpoints"),
        "{said}"
    );

    let key = new_key("1");
    let with_key = [without_key[0], without_key[2], ("SECRETS_KEY", &key)];
    let _worker = world.start(ProgramKind::Worker, &with_key).await;
    let for_others = [
        without_key[0],
        without_key[1],
        ("WORKER_CHANNELS", "intake"),
    ];
    let _worker = world.start(ProgramKind::Worker, &for_others).await;
}
