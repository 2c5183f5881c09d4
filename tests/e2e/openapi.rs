//! The OpenAPI document and the documentation page.

use std::collections::HashSet;

use serde_json::Value;
use tidings_tests::World;

/// Collects every `$ref` below `value`.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.push(target);
            }
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Checks that each operation that needs a credential has the response to callers beyond their limit, and each other one at
/// most that to too many attempts.
fn assert_limited_responses(document: &Value) {
    let operations = document["paths"].as_object().expect("paths").values();
    for operation in operations.flat_map(|path| path.as_object().expect("operations").values()) {
        let limited = operation["responses"]["429"].is_object();
        let attempts = operation["responses"]["429"]["description"]
            .as_str()
            .is_some_and(|description| description.contains("`too_many_attempts`"));
        let secured = operation["security"].is_array();
        assert_eq!(limited, secured || attempts, "{operation}");
    }
}

/// Every request that takes a token takes an API key or a session of the dashboard.
fn assert_keys_are_documented(document: &Value) {
    let key = &document["components"]["securitySchemes"]["apiKey"];
    assert_eq!(key["name"], "X-Api-Key");
    let session = &document["paths"]["/api/dashboard/session"]["get"]["security"];
    assert_eq!(*session, serde_json::json!([{"session": []}]));
    let either = serde_json::json!([{"bearer": []}, {"apiKey": []}, {"session": []}]);
    let post = &document["paths"]["/api/notifications"]["post"];
    assert_eq!(post["security"], either);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of paths")]
async fn the_openapi_document_is_self_contained_and_lists_every_path() {
    let (_world, api) = World::shared().await;
    let answer = api.client().anonymous().get("/api/openapi.json").await;
    assert_eq!(answer.status, 200);
    let document = answer.body;
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3."), "{version}");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());

    for (path, method) in [
        ("/api/notifications", "post"),
        ("/api/notifications", "get"),
        ("/api/notifications/{messageId}", "get"),
        ("/api/notifications/batch", "post"),
        ("/api/users", "get"),
        ("/api/users", "post"),
        ("/api/users/batch", "post"),
        ("/api/users/{userId}", "get"),
        ("/api/users/{userId}", "put"),
        ("/api/users/{userId}", "patch"),
        ("/api/users/{userId}/role", "put"),
        ("/api/users/{userId}/settings", "get"),
        ("/api/users/{userId}/settings", "patch"),
        ("/api/me/settings", "get"),
        ("/api/me/settings", "patch"),
        ("/api/keys", "get"),
        ("/api/keys", "post"),
        ("/api/keys/{id}", "get"),
        ("/api/keys/{id}", "patch"),
        ("/api/keys/{id}", "delete"),
        ("/api/keys/{id}/rotate", "post"),
        ("/api/users/{userId}/contacts", "get"),
        ("/api/users/{userId}/contacts/email", "get"),
        ("/api/users/{userId}/contacts/email", "put"),
        ("/api/users/{userId}/contacts/email", "delete"),
        ("/api/users/{userId}/contacts/phone-numbers", "get"),
        ("/api/users/{userId}/contacts/phone-numbers", "post"),
        ("/api/users/{userId}/contacts/phone-numbers/{id}", "delete"),
        ("/api/users/{userId}/contacts/device-tokens", "get"),
        ("/api/users/{userId}/contacts/device-tokens", "post"),
        ("/api/users/{userId}/contacts/device-tokens/{id}", "delete"),
        ("/api/webhook-endpoints", "get"),
        ("/api/webhook-endpoints", "post"),
        ("/api/webhook-endpoints/{id}", "get"),
        ("/api/webhook-endpoints/{id}", "patch"),
        ("/api/webhook-endpoints/{id}", "delete"),
        ("/api/webhook-endpoints/{id}/rotate-secret", "post"),
        ("/api/webhook-endpoints/{id}/ping", "post"),
        ("/api/notifications/{messageId}/attempts", "get"),
        ("/api/notifications/{messageId}/timeline", "get"),
        ("/api/notifications/{messageId}/payload", "get"),
        ("/api/notifications/{messageId}/content", "get"),
        ("/api/notifications/{messageId}/content/html", "get"),
        ("/api/notifications/export", "get"),
        ("/api/system/findings", "get"),
        ("/api/system/retention", "get"),
        ("/api/system/settings", "get"),
        ("/api/template-drafts/preview", "post"),
        ("/api/template-drafts/preview/html", "post"),
        ("/api/templates/{name}/uses", "get"),
        ("/api/users/{userId}/deletion", "get"),
        ("/api/users/{userId}/deletion", "delete"),
        ("/api/overview", "get"),
        ("/api/lookup", "get"),
        ("/api/channels", "get"),
        ("/api/channels/{channel}/probe", "post"),
        ("/api/schedules", "get"),
        ("/api/schedules", "post"),
        ("/api/schedules/{id}", "get"),
        ("/api/schedules/{id}", "patch"),
        ("/api/schedules/{id}", "delete"),
        ("/api/schedules/{id}/pause", "post"),
        ("/api/schedules/{id}/resume", "post"),
        ("/api/schedules/{id}/preview", "get"),
        ("/api/inbox", "get"),
        ("/api/inbox/counts", "get"),
        ("/api/inbox/state", "post"),
        ("/api/inbox/read-all", "post"),
        ("/api/inbox/stream", "get"),
        ("/api/inbox/stream-ticket", "post"),
        ("/api/inbox/{messageId}/read", "post"),
        ("/api/inbox/{messageId}/unread", "post"),
        ("/api/inbox/{messageId}/archive", "post"),
        ("/api/inbox/{messageId}/unarchive", "post"),
        ("/api/audit", "get"),
        ("/api/dead-letters", "get"),
        ("/api/dead-letters/groups", "get"),
        ("/api/dead-letters/{id}", "get"),
        ("/api/dead-letters/replay", "post"),
        ("/api/dead-letters/purge", "post"),
        ("/api/jobs", "get"),
        ("/api/jobs/{id}", "get"),
        ("/api/jobs/{id}", "patch"),
        ("/api/jobs/{id}/pause", "post"),
        ("/api/jobs/{id}/resume", "post"),
        ("/api/jobs/{id}/abort", "post"),
        ("/api/stats", "get"),
        ("/api/stats/queues", "get"),
        ("/api/dashboard/session", "get"),
        ("/api/dashboard/session", "post"),
        ("/api/dashboard/session", "delete"),
        ("/api/templates/{name}/preview", "get"),
        ("/api/categories", "get"),
        ("/api/categories/{name}", "get"),
        ("/api/categories/{name}", "put"),
        ("/api/categories/{name}", "delete"),
        ("/api/users/{userId}/preferences", "get"),
        ("/api/users/{userId}/preferences", "patch"),
        ("/api/me/preferences", "get"),
        ("/api/me/preferences", "patch"),
        ("/api/v1/users", "post"),
        ("/api/v1/notifications", "get"),
        ("/api/v1/notifications", "post"),
        ("/api/v1/notifications/{id}", "get"),
        ("/api/v1/notifications/{id}", "delete"),
        ("/u/{token}", "get"),
        ("/u/{token}", "post"),
        ("/health", "get"),
        ("/ready", "get"),
        ("/live", "get"),
        ("/metrics", "get"),
    ] {
        let operation = &document["paths"][path][method];
        let responses = operation["responses"].as_object();
        assert!(
            responses.is_some_and(|r| !r.is_empty()),
            "{method} {path}: {operation}"
        );
    }
    let post = &document["paths"]["/api/notifications"]["post"];
    for status in [
        "202", "400", "401", "403", "413", "415", "422", "429", "503",
    ] {
        assert!(post["responses"][status].is_object(), "POST: no {status}");
    }
    assert_limited_responses(&document);
    let batch = &document["paths"]["/api/notifications/batch"]["post"];
    for status in ["202", "207", "400", "401", "408", "413", "415", "503"] {
        assert!(batch["responses"][status].is_object(), "batch: no {status}");
    }
    let schemes = document["components"]["securitySchemes"].as_object();
    let bearer = |scheme: &Value| scheme["scheme"] == "bearer";
    assert!(schemes.is_some_and(|schemes| schemes.values().any(bearer)));
    assert_keys_are_documented(&document);

    let mut found = Vec::new();
    references(&document, &mut found);
    for target in found {
        let pointer = target
            .strip_prefix('#')
            .expect("a reference into the document");
        assert!(
            document.pointer(pointer).is_some(),
            "{target} leads nowhere"
        );
    }
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().filter_map(Value::as_object);
    let mut ids = HashSet::new();
    for operation in operations.flat_map(|path| path.values()) {
        if let Some(id) = operation["operationId"].as_str() {
            assert!(ids.insert(id.to_owned()), "{id} names two operations");
        }
    }
}

/// Returns the addresses that a page loads: the values of `src` and `href`.
fn loaded(html: &str) -> Vec<&str> {
    let attributes = ["src=\"", "href=\""];
    let values = attributes
        .iter()
        .flat_map(|attribute| html.split(attribute).skip(1));
    values.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_from_other_hosts() {
    let (_world, api) = World::shared().await;
    let client = api.client().anonymous();
    let mut page = client.get("/docs").await;
    if (301..=308).contains(&page.status) {
        page = client.get("/docs/").await;
    }
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.header("Content-Type").starts_with("text/html"));
    let loaded = loaded(&page.text);
    assert!(!loaded.is_empty(), "{}", page.text);
    let mut scripts = String::new();
    for address in loaded {
        assert!(!address.contains("//"), "{address} is on a foreign host");
        let path = match address.strip_prefix('/') {
            Some(_) => address.to_owned(),
            None => format!("/docs/{}", address.trim_start_matches("./")),
        };
        let asset = client.get(&path).await;
        assert_eq!(asset.status, 200, "{path}");
        scripts.push_str(&asset.text);
    }
    assert!(
        scripts.contains("/api/openapi.json"),
        "the page loads the OpenAPI document"
    );
}
