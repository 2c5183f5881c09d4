//! Users are told what happens to their accounts.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Client, World};

use super::{Account, PASSWORD, execute, post, refresh, selected, start, text};

async fn login(client: &Client, address: &str, agent: &str, body: &Value) -> Value {
    let client = client.anonymous();
    let request = client.request(Method::POST, "/api/auth/login").json(body);
    let request = request
        .header("X-Forwarded-For", address)
        .header("User-Agent", agent);
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// How many notifications of each kind the user has: a template, or the title of an in-app notification.
async fn notices(world: &World, anna: &Account) -> String {
    let sql = format!(
        "SELECT coalesce(string_agg(kind || ' ' || n, ', ' ORDER BY kind), '') FROM
         (SELECT coalesce(template_name, payload->>'title') AS kind, count(*) AS n
          FROM notifications WHERE user_id = '{}' AND category = 'security' GROUP BY 1) AS kinds",
        anna.id
    );
    selected(world, &sql).await.expect("a row")
}

#[tokio::test]
async fn users_are_told_of_new_devices_passwords_and_stolen_tokens() {
    let world = World::new().await;
    let no_grace = [("REFRESH_GRACE_SECS", "0")];
    let (always, off) = (
        [("LOGIN_NOTIFICATIONS", "always")],
        [("LOGIN_NOTIFICATIONS", "off")],
    );
    let (api, always, off) = tokio::join!(
        start(&world, &no_grace),
        start(&world, &always),
        start(&world, &off)
    );
    let client = api.client();
    let anna = Account::register(&client).await;
    let body = anna.login(PASSWORD);
    assert_eq!(notices(&world, &anna).await, "");
    for (api, address, agent, expected) in [
        (&api, "192.0.2.1", "curl/8.1", "New login 1"),
        // A neighbour with another version is no new device.
        (&api, "192.0.2.99", "curl/8.2", "New login 1"),
        (&api, "192.0.2.1", "okhttp/4", "New login 2"),
        (&off, "198.51.100.1", "curl/8.1", "New login 2"),
        (&always, "192.0.2.1", "curl/8.1", "New login 3"),
    ] {
        login(&api.client(), address, agent, &body).await;
        assert_eq!(notices(&world, &anna).await, expected, "{address} {agent}");
    }

    // To a verified address, by e-mail.
    execute(&world, "UPDATE users SET email_verified = true").await;
    let session = login(&client, "203.0.113.1", "curl/8.1", &body).await;
    assert_eq!(notices(&world, &anna).await, "New login 3, account-login 1");
    let mail = "SELECT type || ' ' || status || ' ' || (payload->>'ip') FROM notifications WHERE template_name = 'account-login'";
    assert_eq!(
        selected(&world, mail).await.as_deref(),
        Some("email scheduled 203.0.113.1")
    );

    let token = text(&session["refreshToken"]);
    assert_eq!(refresh(&client, &token).await.status, 200);
    for _ in 0..2 {
        refresh(&client, &token)
            .await
            .assert_error(401, "invalid_refresh_token");
    }
    let own = client.with_token(&anna.access);
    let change = json!({"currentPassword": PASSWORD, "newPassword": "another horse battery"});
    assert_eq!(post(&own, "/api/auth/password", &change).await.status, 204);
    assert_eq!(
        notices(&world, &anna).await,
        "New login 3, account-login 1, account-password-changed 1, account-session-ended 1"
    );
}

/// Whoever changes an account with a stolen token cannot keep its user from learning of it.
#[tokio::test]
async fn users_are_told_of_another_address_at_the_old_one_and_of_new_keys() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let service = api.client();
    let anna = Account::register(&service).await;
    let own = service.with_token(&anna.access);
    let change = async |client: &Client, path: &str, body: Value| {
        let request = client.request(Method::PATCH, path).json(&body);
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let to = format!(
        "SELECT coalesce(string_agg(type || ' ' || coalesce(payload->>'to', '') || ' ' || coalesce(payload->>'ip', ''), ', ' ORDER BY id), '')
         FROM notifications WHERE user_id = '{}' AND category = 'security'",
        anna.id
    );
    let told = async || {
        let told = selected(&world, &to).await.expect("a row");
        execute(&world, "DELETE FROM notifications").await;
        told
    };
    // Nobody has shown to read the address.
    let second = format!("second-{}@example.com", anna.id);
    change(&own, "/api/me", json!({"email": second})).await;
    assert_eq!(told().await, "in-app  ");
    execute(&world, "UPDATE users SET email_verified = true").await;
    change(
        &own,
        "/api/me",
        json!({"email": second.to_uppercase(), "locale": "de"}),
    )
    .await;
    assert_eq!(told().await, "", "the same address");
    let third = format!("third-{}@example.com", anna.id);
    change(&own, "/api/me", json!({"email": third})).await;
    assert_eq!(told().await, format!("email {second} 127.0.0.1, in-app  "));
    // A trusted service sets a verified address, and its own address concerns nobody.
    execute(&world, "UPDATE users SET email_verified = true").await;
    let path = format!("/api/users/{}", anna.id);
    change(&service, &path, json!({"email": second})).await;
    assert_eq!(
        told().await,
        format!("email {third} unknown, email  unknown")
    );
    let users = json!({"users": [{"id": anna.id, "username": anna.username, "email": third}]});
    assert_eq!(post(&service, "/api/users/batch", &users).await.status, 200);
    assert_eq!(
        told().await,
        format!("email {second} unknown, email  unknown")
    );
    let contact = format!("/api/users/{}/contacts/email", anna.id);
    let removed = service
        .send(service.request(Method::DELETE, &contact))
        .await;
    assert_eq!(removed.status, 204);
    assert_eq!(told().await, format!("email {third} unknown, in-app  "));

    let key = json!({"name": "anna's", "scopes": ["notifications:read"], "userId": anna.id});
    assert_eq!(post(&service, "/api/keys", &key).await.status, 201);
    assert_eq!(notices(&world, &anna).await, "New API key 1");
    // Without an account, there is nobody to tell.
    let user = world.database.user().await;
    let key = json!({"name": "other", "scopes": ["notifications:read"], "userId": user});
    assert_eq!(post(&service, "/api/keys", &key).await.status, 201);
    let all = "SELECT count(*)::text FROM notifications";
    assert_eq!(selected(&world, all).await.as_deref(), Some("1"));
}
