//! How sessions end.

use reqwest::Method;
use serde_json::json;
use tidings_tests::World;

use super::{Browser, SESSION, link, selected, update_one};

#[tokio::test]
async fn a_session_ends_by_a_logout_when_it_is_idle_and_after_a_day() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let row = |browser: &Browser| format!("token = sha256('{}'::bytea)", browser.token());
    let set = async |browser: &Browser, change: &str| {
        let sql = format!(
            "UPDATE dashboard_sessions SET {change} WHERE {}",
            row(browser)
        );
        update_one(&world, &sql).await;
    };

    // A request keeps the session in use, and nothing longer than a day.
    let browser = Browser::with_link(&world, &client, "viewer").await;
    set(
        &browser,
        "last_used_at = now() - interval '7 hours 59 minutes'",
    )
    .await;
    let answer = browser.get(SESSION).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ends = format!(
        "SELECT (last_used_at > now() - interval '5 minutes' AND expires_at - created_at = interval '24 hours')::text
         FROM dashboard_sessions WHERE {}",
        row(&browser)
    );
    assert_eq!(selected(&world, &ends).await, "true");
    set(&browser, "last_used_at = now() - interval '8 hours'").await;
    browser.get(SESSION).await.assert_error(401, "unauthorized");
    let change = browser.change(Method::DELETE, SESSION);
    browser.send(change).await.assert_error(401, "unauthorized");

    let browser = Browser::with_link(&world, &client, "viewer").await;
    set(&browser, "expires_at = now() + interval '1 hour'").await;
    let answer = browser.get(SESSION).await;
    assert_eq!(
        answer.body["expiresAt"], answer.body["idleExpiresAt"],
        "not beyond the end"
    );
    set(&browser, "expires_at = now()").await;
    browser.get(SESSION).await.assert_error(401, "unauthorized");

    // Another login in the same browser ends the session before.
    let browser = Browser::with_link(&world, &client, "admin").await;
    let body = json!({"link": link(&world, "operator")});
    let login = browser
        .request(Method::POST, SESSION)
        .header("Origin", client.url(""));
    let next = Browser::of(&client, &browser.send(login.json(&body)).await);
    assert_eq!((browser.status().await, next.status().await), (401, 200));
    assert_ne!(browser.csrf_token, next.csrf_token);

    let answer = next.send(next.change(Method::DELETE, SESSION)).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(
        answer.header("Set-Cookie"),
        "tidings=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
    );
    assert_eq!(next.status().await, 401, "the cookie is worth nothing");
    let reasons = format!(
        "SELECT string_agg(end_reason, ' ' ORDER BY end_reason) FROM dashboard_sessions WHERE {} OR {}",
        row(&browser),
        row(&next)
    );
    assert_eq!(selected(&world, &reasons).await, "logout replaced");
    let id = format!(
        "SELECT id::text FROM dashboard_sessions WHERE {}",
        row(&next)
    );
    let id = selected(&world, &id).await;
    let entries = client.get(&format!("/api/audit?target={id}")).await.body;
    let actions: Vec<_> = entries["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    assert_eq!(actions, ["auth.logout", "auth.login"]);
}
