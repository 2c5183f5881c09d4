//! Logins of users with a password.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, ProgramKind, World};

use super::{Browser, log_in, selected};

const PASSWORD: &str = "correct horse battery";

const SETTINGS: [(&str, &str); 5] = [
    ("ACCOUNTS", "on"),
    (
        "ACCOUNTS_SECRET",
        "7d1f0b5e93c24a6886f1d2c3b4a59687a1b2c3d4e5f60718",
    ),
    ("ARGON2_MEMORY_KIB", "64"),
    ("ARGON2_ITERATIONS", "1"),
    ("DEFAULT_TIMEZONE", "Europe/Berlin"),
];

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    client.send(client.request(method, path).json(body)).await
}

/// Registers a user and gives it a role. Returns its id and its login.
async fn user(client: &Client, name: &str, role: &str) -> (String, Value) {
    let email = format!("{name}@example.com");
    let body = json!({"username": name, "email": email, "password": PASSWORD});
    let anonymous = client.anonymous();
    let answer = send(&anonymous, Method::POST, "/api/auth/register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.body["user"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    set_role(client, &id, role).await;
    (id, json!({"email": email, "password": PASSWORD}))
}

async fn set_role(client: &Client, id: &str, role: &str) {
    let path = format!("/api/users/{id}/role");
    let answer = send(client, Method::PUT, &path, &json!({"role": role})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn an_operator_logs_in_by_password_until_role_password_or_account_change() {
    let world = World::new().await;
    let (api, without) = tokio::join!(
        world.start(ProgramKind::Api, &SETTINGS),
        world.start(ProgramKind::Api, &[])
    );
    let client = api.client();
    let (anna, login) = user(&client, "anna", "operator").await;
    let (_, of_nobody) = user(&client, "berta", "user").await;

    // Nobody without a role, nor without the password, nor without accounts.
    log_in(&client, &of_nobody)
        .await
        .assert_error(403, "role_required");
    let wrong = json!({"email": "anna@example.com", "password": "a wrong password"});
    log_in(&client, &wrong)
        .await
        .assert_error(401, "invalid_credentials");
    let unknown = json!({"email": "nobody@example.com", "password": PASSWORD});
    log_in(&client, &unknown)
        .await
        .assert_error(401, "invalid_credentials");
    log_in(&without.client(), &login)
        .await
        .assert_error(404, "accounts_off");
    assert_eq!(
        selected(&world, "SELECT count(*)::text FROM dashboard_sessions").await,
        "0"
    );

    let browser = Browser::of(&client, &log_in(&client, &login).await);
    let me = &browser.session;
    assert_eq!(
        (&me["subject"], &me["name"], &me["role"], &me["timezone"]),
        (
            &json!(anna),
            &json!("anna"),
            &json!("operator"),
            &json!("Europe/Berlin")
        )
    );
    let scopes = me["scopes"].as_array().expect("a list");
    assert!(!scopes.contains(&json!("admin")) && scopes.contains(&json!("dashboard")));
    // A process without accounts takes the session, too, and its holder is the user in the audit log.
    let elsewhere = Browser {
        client: without.client().anonymous(),
        ..Browser::of(&client, &log_in(&client, &login).await)
    };
    assert_eq!(elsewhere.status().await, 200);
    let put = browser.change(Method::PUT, "/api/categories/orders");
    let put = browser
        .send(put.json(&json!({"kind": "transactional"})))
        .await;
    assert!([200, 201].contains(&put.status), "{}", put.text);
    let entries = client.get("/api/audit?action=category.put").await.body;
    assert_eq!(
        entries["entries"][0]["actor"],
        json!({"kind": "user", "id": anna})
    );

    // Another role ends all sessions, and the role of before does not bring them back.
    set_role(&client, &anna, "user").await;
    assert_eq!(
        (browser.status().await, elsewhere.status().await),
        (401, 401)
    );
    set_role(&client, &anna, "operator").await;
    assert_eq!(browser.status().await, 401);

    // So does another password.
    let browser = Browser::of(&client, &log_in(&client, &login).await);
    let account = send(&client.anonymous(), Method::POST, "/api/auth/login", &login).await;
    let own = client.with_token(account.body["accessToken"].as_str().expect("a token"));
    let new = json!({"currentPassword": PASSWORD, "newPassword": "another horse battery"});
    let changed = send(&own, Method::POST, "/api/auth/password", &new).await;
    assert!(changed.status < 300, "{}", changed.text);
    assert_eq!(browser.status().await, 401);

    // So does the request to delete the account, after which nobody logs in.
    let login = json!({"email": "anna@example.com", "password": "another horse battery"});
    let browser = Browser::of(&client, &log_in(&client, &login).await);
    let deleted = client
        .send(client.request(Method::DELETE, &format!("/api/users/{anna}")))
        .await;
    assert_eq!(deleted.status, 202, "{}", deleted.text);
    assert_eq!(browser.status().await, 401);
    log_in(&client, &login)
        .await
        .assert_error(403, "account_deleting");
    let reasons =
        "SELECT string_agg(DISTINCT end_reason, ' ' ORDER BY end_reason) FROM dashboard_sessions";
    assert_eq!(
        selected(&world, reasons).await,
        "password_changed role_changed user_deleted"
    );

    // Attempts are slowed as at the other door, and both count together.
    for _ in 0..4 {
        send(
            &client.anonymous(),
            Method::POST,
            "/api/auth/login",
            &unknown,
        )
        .await
        .assert_error(401, "invalid_credentials");
    }
    log_in(&client, &unknown)
        .await
        .assert_error(429, "too_many_attempts");
}
