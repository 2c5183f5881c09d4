//! A key from its creation to its end.

use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{World, eventually, secs, tokens};

use super::{KEYS, Key, create, entries, send};

#[tokio::test]
async fn a_key_is_created_used_changed_and_revoked_and_its_secret_is_shown_once() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let body = json!({"name": "billing", "scopes": ["dashboard", "notifications:send:any"], "ratePerMinute": 600});
    let created = send(&admin, Method::POST, KEYS, &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("Cache-Control"), "no-store");
    let key = Key::of(&created);
    assert_eq!(created.header("Location"), key.path());
    assert!(key.text.starts_with(&format!("tdk_{}_", key.id)));
    assert_eq!(key.text.len(), 61);
    let mut expected = created.body.clone();
    expected.as_object_mut().expect("a key").remove("key");
    for (field, value) in [
        ("name", json!("billing")),
        ("scopes", json!(["notifications:send:any", "dashboard"])),
        ("userId", json!(null)),
        ("ratePerMinute", json!(600)),
        ("expiresAt", json!(null)),
        ("createdBy", json!(tokens::SERVICE)),
        ("lastUsedAt", json!(null)),
        ("previousValidUntil", json!(null)),
        ("revokedAt", json!(null)),
    ] {
        assert_eq!(expected[field], value, "{field}");
    }
    assert_eq!(admin.get(&key.path()).await.body, expected);
    let listed = admin.get(&format!("{KEYS}?limit=200")).await;
    let keys = listed.body["keys"].as_array().expect("a list");
    assert!(keys.contains(&expected) && !listed.text.contains(&key.text[15..]));

    // It works at once, and its id is the sender.
    let client = admin.with_token(&key.text);
    let id = client.post(&world.in_app()).await.accepted();
    let own = format!("message_id = '{id}' AND sender = 'key:{}'", key.id);
    eventually(secs(20), "it is recorded", async || {
        world.database.count(&own).await == 1
    })
    .await;
    let is_used = async || admin.get(&key.path()).await.body["lastUsedAt"].is_string();
    eventually(secs(20), "its use is recorded", is_used).await;

    let changes = json!({"name": "billing 2", "scopes": ["dashboard"], "ratePerMinute": null, "expiresAt": "2999-01-01T00:00:00Z"});
    for (body, entry) in [(&changes, true), (&changes, false), (&json!({}), false)] {
        let before = entries(&admin, &key.id).await.len();
        let answer = send(&admin, Method::PATCH, &key.path(), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["name"], "billing 2");
        assert_eq!(answer.body["scopes"], json!(["dashboard"]));
        assert_eq!(answer.body["expiresAt"], "2999-01-01T00:00:00Z");
        let after = entries(&admin, &key.id).await.len();
        assert_eq!(after, before + usize::from(entry), "{body}");
    }
    eventually(secs(2), "the new scopes apply", async || {
        client.post(&world.in_app()).await.status == 403
    })
    .await;

    let revoked = send(&admin, Method::DELETE, &key.path(), &json!({})).await;
    assert_eq!(
        (revoked.status, &revoked.body["effectiveWithinSecs"]),
        (200, &json!(2))
    );
    let again = send(&admin, Method::DELETE, &key.path(), &json!({})).await;
    assert_eq!(again.body, revoked.body);
    eventually(secs(2), "the key is refused", async || {
        client.get(KEYS).await.status == 401
    })
    .await;
    for (method, path) in [
        (Method::PATCH, key.path()),
        (Method::POST, format!("{}/rotate", key.path())),
    ] {
        let refused = send(&admin, method, &path, &json!({})).await;
        refused.assert_error(409, "key_revoked");
    }
    let of_key = |answer: &tidings_tests::Answer| {
        let keys = answer.body["keys"].as_array().expect("a list").clone();
        keys.iter().any(|listed| listed["id"] == key.id)
    };
    assert!(!of_key(&admin.get(&format!("{KEYS}?limit=200")).await));
    assert!(of_key(
        &admin.get(&format!("{KEYS}?limit=200&revoked=true")).await
    ));
    let entries = entries(&admin, &key.id).await;
    let actions: Vec<_> = entries.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(actions, ["key.revoke", "key.update", "key.create"]);
    let actor = json!({"kind": "service", "id": tokens::SERVICE});
    assert!(entries.iter().all(|(_, by, _)| *by == actor));
    assert_eq!(
        entries[1].2["changed"],
        json!(["name", "scopes", "ratePerMinute", "expiresAt"])
    );
    assert!(!format!("{entries:?}").contains(&key.text[15..]));
}

/// The subject is the same after a rotation, and so are the idempotency keys.
#[tokio::test]
async fn after_a_rotation_both_secrets_are_valid_for_the_overlap_and_idempotency_keys_survive() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let first = create(&admin, &["notifications:send:any"]).await;
    let rotate = async |overlap: u32| {
        let path = format!("{}/rotate", first.path());
        let answer = send(
            &admin,
            Method::POST,
            &path,
            &json!({"overlapHours": overlap}),
        )
        .await;
        assert_eq!(answer.header("Cache-Control"), "no-store");
        let kept = answer.body["previousValidUntil"].is_string();
        assert_eq!(kept, overlap > 0, "{}", answer.text);
        Key::of(&answer)
    };
    let (notification, key) = (world.in_app(), MessageId::generate().to_string());
    let post = async |secret: &Key| {
        let client = admin.with_token(&secret.text);
        client.post_with_key(&notification, &key).await
    };
    let id = post(&first).await.accepted();
    let second = rotate(24).await;
    assert_eq!(second.id, first.id);
    assert_ne!(second.text, first.text);
    for secret in [&second, &first] {
        let again = post(secret).await;
        assert_eq!(again.header("Idempotency-Replayed"), "true");
        assert_eq!(again.accepted(), id);
    }
    // Another rotation ends the oldest secret, and one without overlap ends the one before.
    let third = rotate(1).await;
    assert_eq!(post(&third).await.accepted(), id);
    eventually(secs(2), "the first secret is refused", async || {
        post(&first).await.status == 401
    })
    .await;
    assert_eq!(post(&second).await.accepted(), id);
    let last = rotate(0).await;
    assert_eq!(post(&last).await.accepted(), id);
    eventually(secs(2), "the others are refused", async || {
        post(&third).await.status == 401
    })
    .await;
    assert_eq!(post(&second).await.status, 401);

    // No token can take the subject of the key.
    for claims in [
        json!({"sub": format!("key:{}", first.id), "scope": "notifications:send:any"}),
        json!({"userId": format!("key:{}", first.id)}),
    ] {
        let client = admin.with_token(tokens::signed(&claims));
        let refused = client.post_with_key(&notification, &key).await;
        refused.assert_error(401, "unauthorized");
    }
}
