//! What a request with a cookie needs to change something.

use reqwest::Method;
use serde_json::json;
use tidings_tests::{World, tokens};
use uuid::Uuid;

use super::{Browser, SESSION};

const ORIGIN: &str = "Origin";
const SITE: &str = "Sec-Fetch-Site";
const CSRF: &str = "X-CSRF-Token";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of headers")]
async fn a_change_needs_the_own_origin_and_the_token_of_the_session() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let browser = Browser::with_link(&world, &client, "admin").await;
    let other = Browser::with_link(&world, &client, "admin").await;
    let (own, csrf) = (client.url(""), browser.csrf_token.as_str());
    let path = format!("/api/categories/c-{}", Uuid::new_v4());
    let put = |headers: &[(&str, &str)]| {
        let request = browser.request(Method::PUT, &path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        browser.send(request.json(&json!({"kind": "transactional"})))
    };
    for (headers, code) in [
        (&[][..], "origin_required"),
        (&[(CSRF, csrf)], "origin_required"),
        (
            &[(CSRF, csrf), (ORIGIN, "https://evil.example")],
            "foreign_origin",
        ),
        (
            &[(CSRF, csrf), (ORIGIN, "http://127.0.0.1:1")],
            "foreign_origin",
        ),
        (&[(CSRF, csrf), (ORIGIN, "null")], "foreign_origin"),
        (
            &[(CSRF, csrf), (ORIGIN, ""), (SITE, "same-origin")],
            "foreign_origin",
        ),
        (
            &[(CSRF, csrf), (ORIGIN, &own), (ORIGIN, &own)],
            "foreign_origin",
        ),
        (&[(CSRF, csrf), (SITE, "same-site")], "foreign_origin"),
        (&[(CSRF, csrf), (SITE, "none")], "foreign_origin"),
        (&[(ORIGIN, &own)], "csrf_token_required"),
        (&[(SITE, "same-origin")], "csrf_token_required"),
        (&[(ORIGIN, &own), (CSRF, "")], "csrf_token_invalid"),
        (&[(ORIGIN, &own), (CSRF, &csrf[1..])], "csrf_token_invalid"),
        (
            &[(ORIGIN, &own), (CSRF, &other.csrf_token)],
            "csrf_token_invalid",
        ),
        (
            &[(ORIGIN, &own), (CSRF, csrf), (CSRF, csrf)],
            "csrf_token_invalid",
        ),
        (
            &[(ORIGIN, &own), (CSRF, browser.token())],
            "csrf_token_invalid",
        ),
    ] {
        let answer = put(headers).await;
        assert_eq!(answer.body["code"], code, "{headers:?}: {}", answer.text);
        answer.assert_error(403, code);
    }
    assert_eq!(client.get(&path).await.status, 404, "nothing has changed");
    // A logout is a change, too.
    let logout = browser
        .request(Method::DELETE, SESSION)
        .header("Origin", &own);
    browser
        .send(logout)
        .await
        .assert_error(403, "csrf_token_required");
    assert_eq!(browser.status().await, 200);
    for headers in [
        [(ORIGIN, &*own), (CSRF, csrf)],
        [(SITE, "same-origin"), (CSRF, csrf)],
    ] {
        let answer = put(&headers).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
    }
    let entries = client
        .get(&format!(
            "/api/audit?action=category.put&target={}",
            &path[16..]
        ))
        .await;
    assert_eq!(
        entries.body["entries"][0]["actor"]["id"],
        browser.session["subject"]
    );
    assert_eq!(
        client
            .request(Method::DELETE, &path)
            .send()
            .await
            .expect("an answer")
            .status(),
        204
    );

    // With a stolen cookie, a page of another origin reads nothing either.
    for (name, value) in [
        (ORIGIN, "https://evil.example"),
        (ORIGIN, "null"),
        (SITE, "cross-site"),
        (SITE, "same-site"),
    ] {
        let request = browser
            .request(Method::GET, "/api/users")
            .header(name, value);
        browser
            .send(request)
            .await
            .assert_error(403, "foreign_origin");
    }
    for (name, value) in [(ORIGIN, &*own), (SITE, "same-origin"), (SITE, "none")] {
        let request = browser
            .request(Method::GET, "/api/users")
            .header(name, value);
        assert_eq!(browser.send(request).await.status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_header_wins_over_the_cookie_and_a_cookie_mends_no_bad_header() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let admin = Browser::with_link(&world, &client, "admin").await;
    let viewer = Browser::with_link(&world, &client, "viewer").await;
    for (name, value) in [
        ("Authorization", "Bearer nonsense"),
        ("Authorization", "Basic YTpi"),
        ("Authorization", ""),
        ("X-Api-Key", "tdk_nonsense"),
    ] {
        let request = admin.request(Method::GET, "/api/users").header(name, value);
        admin.send(request).await.assert_error(401, "unauthorized");
        let change = admin
            .change(Method::POST, "/api/sending/stop")
            .header(name, value);
        admin
            .send(change.json(&json!({})))
            .await
            .assert_error(401, "unauthorized");
    }
    // The rights are those of the token, in both directions, and it needs no X-CSRF-Token.
    let token = tokens::scoped(world.user, "notifications:send");
    let request = admin.request(Method::GET, "/api/users").bearer_auth(token);
    admin.send(request).await.assert_error(403, "forbidden");
    let request = viewer.request(Method::POST, "/api/notifications");
    let answer = viewer
        .send(request.bearer_auth(tokens::service()).json(&world.in_app()))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let request = viewer
        .request(Method::GET, SESSION)
        .bearer_auth(tokens::service());
    viewer.send(request).await.assert_error(403, "forbidden");

    // No session.
    for cookie in [
        "tidings=",
        "tidings=tds_x",
        "__Host-tidings=tds_x",
        &format!("{0}; {0}", admin.cookie),
    ] {
        let request = admin
            .client
            .request(Method::GET, SESSION)
            .header("Cookie", cookie);
        admin.send(request).await.assert_error(401, "unauthorized");
    }
    admin
        .client
        .get(SESSION)
        .await
        .assert_error(401, "unauthorized");
    // A cookie is nothing outside of the API's own paths.
    assert_eq!(admin.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let (world, api) = World::shared().await;
    let viewer = Browser::with_link(&world, &api.client(), "viewer").await;
    assert_eq!(
        viewer.session["scopes"],
        json!(["users:read", "audit:read", "dashboard"])
    );
    for path in [
        SESSION,
        "/api/stats?from=-1h&step=1m",
        "/api/dead-letters",
        "/api/jobs",
        "/api/users",
        "/api/audit",
        "/api/templates",
        "/api/categories",
        "/api/keys",
        "/api/sending",
    ] {
        let answer = viewer.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let id = Uuid::new_v4();
    let user = format!("/api/users/{}", world.user);
    for (method, path, body) in [
        (Method::POST, "/api/notifications", world.in_app()),
        (
            Method::DELETE,
            &*format!("/api/notifications/{id}"),
            json!(null),
        ),
        (Method::POST, "/api/users", json!({"username": id})),
        (Method::PATCH, &user, json!({"username": id})),
        (Method::DELETE, &user, json!(null)),
        (
            Method::PUT,
            &format!("{user}/role"),
            json!({"role": "admin"}),
        ),
        (Method::PATCH, &format!("{user}/settings"), json!({})),
        (
            Method::POST,
            "/api/keys",
            json!({"name": "a", "scopes": ["dashboard"]}),
        ),
        (
            Method::PUT,
            "/api/categories/c",
            json!({"kind": "transactional"}),
        ),
        (
            Method::PUT,
            "/api/templates/t/email/de",
            json!({"subject": "a", "text": "b"}),
        ),
        (Method::POST, "/api/sending/stop", json!({})),
        (
            Method::POST,
            "/api/dead-letters/replay",
            json!({"filter": {"all": true}}),
        ),
        (
            Method::POST,
            "/api/dead-letters/purge",
            json!({"filter": {"all": true}}),
        ),
        (Method::POST, &format!("/api/jobs/{id}/abort"), json!(null)),
        (Method::POST, "/api/schedules", json!({})),
        (Method::POST, "/api/webhook-endpoints", json!({})),
        (Method::POST, "/api/inbox/stream-ticket", json!(null)),
    ] {
        let answer = viewer
            .send(viewer.change(method.clone(), path).json(&body))
            .await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        assert_eq!(answer.body["code"], "forbidden", "{method} {path}");
    }
}
