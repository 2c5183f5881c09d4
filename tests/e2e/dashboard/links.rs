//! One-time links.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::World;

use super::{Browser, SESSION, link, log_in, selected, update_one};

/// The condition for the row of a token.
fn row_of(token: &str) -> String {
    format!("token = sha256('{token}'::bytea)")
}

#[tokio::test]
async fn a_link_logs_in_once_and_soon() {
    // Failed attempts count for the network of the client.
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let token = link(&world, "operator");
    let stored = format!("SELECT role FROM dashboard_links WHERE {}", row_of(&token));
    assert_eq!(selected(&world, &stored).await, "operator");

    // Of two at once, one is logged in.
    let body = json!({"link": token});
    let (one, other) = tokio::join!(log_in(&client, &body), log_in(&client, &body));
    let (won, lost) = if one.status == 200 {
        (one, other)
    } else {
        (other, one)
    };
    lost.assert_error(401, "invalid_link");
    assert!(!lost.headers.contains_key("Set-Cookie"));
    let browser = Browser::of(&client, &won);
    log_in(&client, &body)
        .await
        .assert_error(401, "invalid_link");
    let count = "SELECT count(*)::text FROM dashboard_sessions";
    assert_eq!(selected(&world, count).await, "1");
    let stored = format!(
        "SELECT role FROM dashboard_sessions WHERE {}",
        row_of(browser.token())
    );
    assert_eq!(selected(&world, &stored).await, "operator");
    let me = browser.session;
    assert_eq!(me["role"], "operator");
    assert_eq!(
        me["scopes"],
        json!([
            "templates:write",
            "sending:control",
            "schedules:write",
            "users:read",
            "audit:read",
            "categories:write",
            "dead-letters:write",
            "dashboard"
        ])
    );
    let name = me["name"].as_str().expect("the user of the system");
    assert_eq!(me["subject"], format!("dashboard:{name}"));
    assert_eq!(me["timezone"], "UTC");
    for member in ["csrfToken", "expiresAt", "idleExpiresAt", "version"] {
        assert!(me[member].is_string(), "{member}: {me}");
    }

    // Nothing of an old link or of another text.
    let old = link(&world, "viewer");
    let expire = format!(
        "UPDATE dashboard_links SET expires_at = now() WHERE {}",
        row_of(&old)
    );
    update_one(&world, &expire).await;
    for text in [&old, "tdl_nonsense", &browser.cookie] {
        log_in(&client, &json!({"link": text}))
            .await
            .assert_error(401, "invalid_link");
    }
    // Five have failed. Further ones are slowed, and a valid link still logs in.
    let refused = log_in(&client, &json!({"link": old})).await;
    refused.assert_error(429, "too_many_attempts");
    let wait: u64 = refused.header("Retry-After").parse().expect("seconds");
    assert!((1..=30).contains(&wait), "{wait}");
    let valid = log_in(&client, &json!({"link": link(&world, "viewer")})).await;
    assert_eq!(valid.status, 200, "{}", valid.text);

    // Who made links, and who used them or tried.
    let audited = client.get("/api/audit?limit=200").await.body;
    let entries = audited["entries"].as_array().expect("a list");
    let of = |action: &str| -> Vec<&Value> {
        entries
            .iter()
            .filter(|entry| entry["action"] == action)
            .collect()
    };
    assert_eq!(of("dashboard.link").len(), 3);
    assert!(
        of("dashboard.link")
            .iter()
            .all(|entry| entry["actor"]["kind"] == "cli")
    );
    let logins = of("auth.login");
    assert_eq!(logins.len(), 2);
    assert_eq!(
        logins[1]["actor"],
        json!({"kind": "service", "id": me["subject"]})
    );
    assert_eq!(logins[1]["target"]["kind"], "dashboard_session");
    assert_eq!(logins[1]["details"]["role"], "operator");
    let failed = of("auth.login_failed");
    assert!((1..=2).contains(&failed.len()), "one a minute: {failed:?}");
    assert_eq!(failed[0]["outcome"], "refused");
}

#[tokio::test]
async fn what_a_stranger_sends_to_the_login_is_limited() {
    let (world, api) = World::shared().await;
    let client = api.client().anonymous();
    let post = |content_type: &str, body: String| {
        let request = client
            .request(Method::POST, SESSION)
            .header("Content-Type", content_type);
        client.send(request.body(body))
    };
    let json = "application/json";
    let long = |length| format!("{{\"link\": \"{}\"}}", "a".repeat(length));
    post(json, long(9000))
        .await
        .assert_error(413, "payload_too_large");
    post("text/plain", long(1))
        .await
        .assert_error(415, "unsupported_media_type");
    for body in [
        long(513),
        long(0),
        "{}".to_owned(),
        "[]".to_owned(),
        "{\"link\": 7}".to_owned(),
        "{\"link\": \"tdl_a\", \"password\": \"b\"}".to_owned(),
        "{\"email\": \"anna@example.com\"}".to_owned(),
    ] {
        let answer = post(json, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    // A page of another origin does not log the browser in, and a browser would not keep the cookie without https.
    let valid = json!({"link": link(&world, "viewer")});
    for (name, value, code) in [
        ("Origin", "https://evil.example", "foreign_origin"),
        ("Origin", "null", "foreign_origin"),
        ("Sec-Fetch-Site", "cross-site", "foreign_origin"),
    ] {
        let request = client.request(Method::POST, SESSION).header(name, value);
        client
            .send(request.json(&valid))
            .await
            .assert_error(403, code);
    }
    let request = client.request(Method::POST, SESSION);
    let request = request
        .header("Host", "192.0.2.1")
        .header("Origin", "http://192.0.2.1");
    client
        .send(request.json(&valid))
        .await
        .assert_error(403, "https_required");
    // By https, behind a proxy.
    let request = client.request(Method::POST, SESSION);
    let request = request
        .header("Host", "t.example.com")
        .header("Origin", "https://t.example.com");
    let answer = client.send(request.json(&valid)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.header("Set-Cookie");
    let (cookie, attributes) = cookie.split_once("; ").expect("attributes");
    assert!(cookie.starts_with("__Host-tidings=tds_"), "{cookie}");
    assert_eq!(attributes, "Path=/; HttpOnly; Secure; SameSite=Strict");
    let find = client
        .request(Method::GET, SESSION)
        .header("Host", "t.example.com");
    assert_eq!(client.send(find.header("Cookie", cookie)).await.status, 200);
    // The name without the prefix, which another host of the domain could set, counts on this machine only.
    let plain = cookie.trim_start_matches("__Host-");
    let find = client
        .request(Method::GET, SESSION)
        .header("Host", "t.example.com");
    assert_eq!(client.send(find.header("Cookie", plain)).await.status, 401);

    for arguments in [
        &["dashboard", "login", "--role", "user"][..],
        &["dashboard", "login", "--url", "ftp://a"],
    ] {
        assert_eq!(
            world.tidings(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}
