//! Who may manage keys and roles.

use reqwest::Method;
use serde_json::json;
use tidings_tests::{World, tokens};

use super::{KEYS, create, send};

#[tokio::test]
async fn keys_and_roles_are_managed_only_under_their_scopes() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let everything_else = tidings_domain::access::Scope::ALL
        .map(tidings_domain::access::Scope::as_str)
        .into_iter()
        .filter(|scope| !["keys:write", "dashboard", "admin"].contains(scope))
        .collect::<Vec<_>>()
        .join(" ");
    for (scope, reads, manages, is_admin) in [
        ("", false, false, false),
        (&*everything_else, false, false, false),
        ("dashboard", true, false, false),
        ("keys:write dashboard", true, true, false),
        ("admin", true, true, true),
    ] {
        let client = admin.with_token(tokens::scoped(world.user, scope));
        let key = create(&admin, &["dashboard"]).await;
        let new = json!({"name": "a key", "scopes": ["dashboard"]});
        let role = format!("/api/users/{}/role", world.user);
        for (method, path, body, allowed) in [
            (Method::POST, KEYS.to_owned(), new, manages),
            (Method::GET, format!("{KEYS}?limit=1"), json!({}), reads),
            (Method::GET, key.path(), json!({}), reads),
            (Method::PATCH, key.path(), json!({}), manages),
            (
                Method::POST,
                format!("{}/rotate", key.path()),
                json!({}),
                manages,
            ),
            (Method::DELETE, key.path(), json!({}), manages),
            (Method::PUT, role, json!({"role": "user"}), is_admin),
        ] {
            let answer = send(&client, method.clone(), &path, &body).await;
            if allowed {
                assert!(
                    [200, 201].contains(&answer.status),
                    "{scope} {path}: {}",
                    answer.text
                );
            } else {
                answer.assert_error(403, "forbidden");
            }
            let anonymous = send(&client.anonymous(), method, &path, &body).await;
            anonymous.assert_error(401, "unauthorized");
        }
        // Without the permission, a caller does not learn which keys and users exist.
        for path in [format!("{KEYS}/0000000000"), format!("{KEYS}/-")] {
            let status = client.get(&path).await.status;
            let expected = if path.ends_with('-') { 400 } else { 404 };
            assert_eq!(status, if reads { expected } else { 403 }, "{scope} {path}");
        }
    }
    for path in [
        format!("{KEYS}/0000000000"),
        format!("{KEYS}/0000000000/rotate"),
    ] {
        let method = if path.ends_with("rotate") {
            Method::POST
        } else {
            Method::DELETE
        };
        send(&admin, method, &path, &json!({}))
            .await
            .assert_error(404, "not_found");
    }
}
