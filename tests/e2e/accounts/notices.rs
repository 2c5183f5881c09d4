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
          FROM notifications WHERE user_id = '{}' GROUP BY 1) AS kinds",
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
