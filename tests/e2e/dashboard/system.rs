//! What the dashboard shows of the installation itself.

use serde_json::{Value, json};
use tidings_tests::World;

use super::Browser;

#[tokio::test]
async fn findings_and_retention_are_for_all_roles_and_settings_for_admins_without_secrets() {
    let (world, api) = World::shared().await;
    let client = api.client();
    for role in ["viewer", "operator", "admin"] {
        let browser = Browser::with_link(&world, &client, role).await;
        for (path, status) in [
            ("findings", 200),
            ("retention", 200),
            ("settings", if role == "admin" { 200 } else { 403 }),
        ] {
            let answer = browser.get(&format!("/api/system/{path}")).await;
            assert_eq!(answer.status, status, "{role} {path}: {}", answer.text);
        }
    }
    let anonymous = client.anonymous();
    anonymous
        .get("/api/system/findings")
        .await
        .assert_error(401, "unauthorized");

    let findings = client.get("/api/system/findings").await.body;
    let all = findings["findings"].as_array().expect("findings");
    let of = |check: &str| all.iter().find(|one| one["check"] == check);
    for check in [
        "postgresql-version",
        "migrations",
        "rabbitmq-version",
        "topology",
    ] {
        let found = of(check).unwrap_or_else(|| panic!("no {check}: {findings}"));
        assert_eq!(found["severity"], "ok", "{found}");
        assert_eq!(found["remedy"], Value::Null);
    }
    let wrong = |severity: &str| all.iter().filter(|one| one["severity"] == severity).count();
    assert_eq!(findings["errors"], wrong("error"));
    assert_eq!(findings["warnings"], wrong("warning"));
    for one in all.iter().filter(|one| one["severity"] != "ok") {
        assert!(
            one["remedy"].is_string(),
            "a finding without a remedy: {one}"
        );
    }

    let settings = client.get("/api/system/settings").await;
    let all = settings.body["settings"].as_array().expect("settings");
    let of = |name: &str| {
        let found = all.iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let secret = of("JWT_SECRET");
    assert_eq!(
        (&secret["value"], &secret["isSecret"]),
        (&json!("***"), &json!(true))
    );
    let url = of("DATABASE_URL");
    let value = url["value"].as_str().expect("a URL");
    assert!(value.starts_with("postgres"), "{value}");
    assert_eq!(url["source"], "environment");
    let lookup = of("IDEMPOTENCY_LOOKUP_MS");
    assert_eq!(
        (&lookup["usedBy"], &lookup["isSecret"]),
        (&json!(["api"]), &json!(false))
    );
    // Nothing of a secret is anywhere.
    let jwt_secret = include_str!("../../jwt-secret").trim();
    assert!(!settings.text.contains(jwt_secret));
    for value in all.iter().filter_map(|one| one["value"].as_str()) {
        let Some((_, rest)) = value.split_once("://") else {
            continue;
        };
        let login = rest.rsplit_once('@').map(|(login, _)| login);
        if let Some((_, password)) = login.and_then(|login| login.split_once(':')) {
            assert_eq!(password, "***");
        }
    }

    let retention = client.get("/api/system/retention").await.body;
    for member in [
        "rows",
        "bytes",
        "payloadsRemoved",
        "rowsDeleted",
        "deadLettersRemoved",
    ] {
        assert!(retention[member].is_u64(), "{member}: {retention}");
    }
    let shown = world.tidings(&["--json", "retention", "show"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert!(shown["rows"].is_u64(), "{shown}");
}
