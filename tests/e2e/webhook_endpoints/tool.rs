//! `tidings endpoints ping` and `rotate-secret`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{create, for_delivery, open, patch, secrets};

#[tokio::test]
async fn the_tool_pings_an_endpoint_and_gives_it_a_new_secret() {
    let (world, api) = open().await;
    let client = api.client();
    let (path, endpoint) = create(&client, world.user).await;
    let id = endpoint["id"].as_str().expect("an id");
    let tool = |command: &str, id: &str| world.tidings(&["--json", "endpoints", command, id]);

    let rotated = tool("rotate-secret", id);
    let report: Value = serde_json::from_slice(&rotated.stdout).expect("JSON");
    let secret = report["secret"].as_str().expect("a secret");
    let old = endpoint["secret"].as_str().expect("a secret");
    let signing = for_delivery(&world, &endpoint["id"]).await;
    assert_eq!(secrets(&signing), [secret, old]);
    assert!(report["previousValidUntil"].is_string(), "{report}");
    let audit = format!("/api/audit?target={id}&action=webhook_endpoint.rotate_secret");
    let entries = client.get(&audit).await.body["entries"].clone();
    assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
    assert_eq!(entries[0]["actor"]["kind"], "cli");
    assert!(!entries.to_string().contains("whsec_"));

    let pinged = tool("ping", id);
    let report: Value = serde_json::from_slice(&pinged.stdout).expect("JSON");
    let message = report["messageId"].as_str().expect("an id");
    let recorded = client
        .get(&format!("/api/notifications/{message}"))
        .await
        .body;
    assert_eq!(recorded["type"], "webhook");
    assert_eq!(recorded["targetUserId"], json!(world.user));
    assert_eq!(recorded["payload"]["endpointId"], endpoint["id"]);
    assert_eq!(recorded["payload"]["event"], "ping");

    patch(&client, &path, &json!({"enabled": false})).await;
    let unknown = Uuid::now_v7().to_string();
    for (command, id, expected) in [
        ("ping", id, "is disabled"),
        ("ping", &unknown, "there is no webhook endpoint"),
        ("rotate-secret", &unknown, "there is no webhook endpoint"),
    ] {
        let refused = tool(command, id);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && error.contains(expected),
            "{error}"
        );
    }
}
