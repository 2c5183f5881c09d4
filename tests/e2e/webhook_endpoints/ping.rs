//! `POST /api/webhook-endpoints/{id}/ping`.

use reqwest::Method;
use serde_json::json;
use tidings_tests::{ProgramKind, World, eventually, secs};

use super::{create, open, patch, send};

#[tokio::test]
async fn a_ping_is_a_notification_for_its_endpoint_only() {
    let (world, api) = open().await;
    let client = api.client();
    let (path, endpoint) = create(&client, world.user).await;
    let answer = send(&client, Method::POST, &format!("{path}/ping"), None).await;
    let id = answer.accepted();
    assert_eq!(
        answer.header("Location"),
        format!("/api/notifications/{id}")
    );
    let location = answer.header("Location");
    eventually(secs(20), "it is recorded", async || {
        client.get(location).await.status == 200
    })
    .await;
    let recorded = client.get(location).await.body;
    assert_eq!(recorded["type"], "webhook");
    assert_eq!(recorded["targetUserId"], json!(world.user));
    assert_eq!(recorded["payload"]["endpointId"], endpoint["id"]);
    assert_eq!(recorded["payload"]["event"], "ping");
    assert!(recorded["payload"]["data"]["message"].is_string());
}

#[tokio::test]
async fn a_ping_that_cannot_be_delivered_is_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let (path, _) = create(&client, world.user).await;
    let ping = format!("{path}/ping");
    let off = world
        .start(ProgramKind::Api, &[("WEBHOOK_PROVIDER", "")])
        .await;
    let answer = send(&off.client(), Method::POST, &ping, None).await;
    answer.assert_error(400, "channel_not_configured");
    patch(&client, &path, &json!({"enabled": false})).await;
    let answer = send(&client, Method::POST, &ping, None).await;
    answer.assert_error(409, "endpoint_disabled");
    assert_eq!(world.amqp().await.intake_depth().await, 0);
}
