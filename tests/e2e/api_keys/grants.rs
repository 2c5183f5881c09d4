//! Nobody grants what they lack.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::{World, eventually, notification, secs, tokens};

use super::{KEYS, create, create_for, send};

#[tokio::test]
async fn nobody_creates_changes_or_rotates_a_key_beyond_their_own_rights_but_revokes_it() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let (user, other) = (world.user, world.database.user().await);
    let wide = create(&admin, &["users:write", "dashboard"]).await;
    let of_other = create_for(&admin, &["notifications:read"], other).await;
    let grant = "keys:write dashboard notifications:read";
    let keys = create(&admin, &["keys:write", "dashboard", "notifications:read"]).await;
    for (client, own) in [
        (admin.with_token(tokens::scoped(user, grant)), Some(user)),
        (admin.with_token(&keys.text), None),
    ] {
        let new = async |scopes: &[&str], user: Value| {
            let body = json!({"name": "granted", "scopes": scopes, "userId": user});
            send(&client, Method::POST, KEYS, &body).await
        };
        let beyond = async |method: Method, path: &str, body: Value| {
            let refused = send(&client, method, path, &body).await;
            refused.assert_error(403, "scope_exceeds_own");
        };
        assert_eq!(new(&["dashboard"], json!(null)).await.status, 201);
        let own_status = new(&["notifications:read"], json!(user)).await.status;
        assert_eq!(own_status, if own.is_some() { 201 } else { 403 });
        for (scopes, user) in [
            (&["users:write"][..], json!(null)),
            (&["dashboard", "admin"], json!(null)),
            (&["notifications:send"], json!(null)),
            (&["notifications:read"], json!(other)),
        ] {
            new(scopes, user)
                .await
                .assert_error(403, "scope_exceeds_own");
        }
        let narrow = create(&client, &["dashboard"]).await;
        beyond(
            Method::PATCH,
            &narrow.path(),
            json!({"scopes": ["dashboard", "users:write"]}),
        )
        .await;
        for key in [&wide, &of_other] {
            beyond(Method::PATCH, &key.path(), json!({"name": "mine"})).await;
            beyond(Method::PATCH, &key.path(), json!({"scopes": ["dashboard"]})).await;
            beyond(Method::POST, &format!("{}/rotate", key.path()), json!({})).await;
        }
    }
    let client = admin.with_token(&keys.text);
    for key in [&wide, &of_other] {
        assert_eq!(
            send(&client, Method::DELETE, &key.path(), &json!({}))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_key_has_the_rights_of_its_scopes_and_one_of_a_user_only_those_about_this_user() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let (own, other) = (world.user, world.database.user().await);
    // Sending to both users, listing the notifications of both and the users.
    for (scopes, user, expected) in [
        (&["notifications:send"][..], None, [403, 403, 403, 403, 403]),
        (&["notifications:send:any"], None, [202, 202, 403, 403, 403]),
        (&["users:read"], None, [403, 403, 403, 403, 200]),
        (&["admin"], None, [202, 202, 200, 200, 200]),
        (
            &["notifications:send"],
            Some(own),
            [202, 403, 403, 403, 403],
        ),
        (
            &["notifications:read"],
            Some(own),
            [403, 403, 200, 403, 403],
        ),
    ] {
        let key = create_for(&admin, scopes, user).await;
        let client = admin.with_token(&key.text);
        let list = |user| format!("/api/notifications?targetUserId={user}");
        let answers = [
            client.post(&notification(own, Channel::InApp)).await.status,
            client
                .post(&notification(other, Channel::InApp))
                .await
                .status,
            client.get(&list(own)).await.status,
            client.get(&list(other)).await.status,
            client.get("/api/users?limit=1").await.status,
        ];
        assert_eq!(answers, expected, "{scopes:?} {user:?}");
    }
    for scope in ["notifications:send:any", "admin", "keys:write"] {
        let body = json!({"name": "a", "scopes": [scope], "userId": own});
        let refused = send(&admin, Method::POST, KEYS, &body).await;
        refused.assert_error(400, "invalid_fields");
        let key = create_for(&admin, &["inbox"], own).await;
        let refused = send(
            &admin,
            Method::PATCH,
            &key.path(),
            &json!({"scopes": [scope]}),
        )
        .await;
        refused.assert_error(400, "invalid_fields");
        // Not even SQL gives a key of a user more.
        let sql = format!(
            "UPDATE api_keys SET scopes = '{{{scope}}}' WHERE id = '{}'",
            key.id
        );
        let updated = world
            .database
            .pool
            .run(async |client| Ok(client.batch_execute(&sql).await?));
        updated.await.expect("updated");
        let client = admin.with_token(&key.text);
        client.get(KEYS).await.assert_error(403, "forbidden");
        client
            .post(&notification(own, Channel::InApp))
            .await
            .assert_error(403, "forbidden");
    }
    let unknown = json!({"name": "a", "scopes": ["inbox"], "userId": uuid::Uuid::now_v7()});
    send(&admin, Method::POST, KEYS, &unknown)
        .await
        .assert_error(404, "not_found");
}

/// Without its user, a key would be that of a service.
#[tokio::test]
async fn the_keys_of_a_user_who_is_deleted_are_revoked() {
    let (world, api) = World::shared().await;
    let (admin, user) = (api.client(), world.database.user().await);
    let key = create_for(&admin, &["notifications:read"], user).await;
    let client = admin.with_token(&key.text);
    assert_eq!(client.get("/api/notifications").await.status, 200);
    let deleted = world
        .database
        .pool
        .run(async |client| tidings_db::users::delete(client, user).await);
    assert!(deleted.await.expect("deleted"));
    eventually(secs(2), "the key is refused", async || {
        client.get("/api/notifications").await.status == 401
    })
    .await;
    let found = admin.get(&key.path()).await.body;
    assert!(
        found["userId"].is_null() && found["revokedAt"].is_string(),
        "{found}"
    );
}
