//! Cross-origin requests: which web pages may read responses.

use reqwest::Method;
use serde_json::json;
use tidings_tests::{Answer, Client, Program, ProgramKind, World, tokens};
use uuid::Uuid;

const PAGE: &str = "https://app.example.com";
const OTHER_PAGE: &str = "https://elsewhere.example";

/// Sends the preflight request for a request of a page with this method and these headers.
async fn preflight(client: &Client, page: &str, method: &str, headers: &str) -> Answer {
    let request = client
        .request(Method::OPTIONS, "/api/notifications")
        .header("Origin", page)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", headers);
    client.send(request).await
}

#[track_caller]
fn assert_readable(answer: &Answer, page: &str) {
    let context = format!("{} {}", answer.status, answer.text);
    let allowed = answer.header("Access-Control-Allow-Origin");
    assert_eq!(allowed, page, "{context}");
    let exposed = answer.header("Access-Control-Expose-Headers");
    for name in [
        "allow",
        "idempotency-replayed",
        "location",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ] {
        assert!(exposed.contains(name), "{exposed}: {context}");
    }
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), "");
    assert!(!answer.header("X-Request-Id").is_empty(), "{context}");
    assert!(answer.header("Vary").contains("Origin"), "{context}");
}

#[track_caller]
fn assert_unreadable(answer: &Answer) {
    let mut names = answer
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str);
    let cors = names.find(|name| name.starts_with("access-control-"));
    assert_eq!(cors, None, "{} {}", answer.status, answer.text);
}

/// The page may send no request, and the error names the setting.
async fn assert_preflight_refused(client: &Client, page: &str) {
    let refused = preflight(&client.anonymous(), page, "POST", "authorization").await;
    refused.assert_error(403, "origin_not_allowed");
    assert!(
        refused.text.contains("CORS_ALLOWED_ORIGINS"),
        "{}",
        refused.text
    );
    assert_unreadable(&refused);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_every_response() {
    let world = World::with(&[
        (
            "CORS_ALLOWED_ORIGINS",
            "http://localhost:3000,https://app.example.com",
        ),
        ("MAX_BODY_BYTES", "2000"),
    ])
    .await;
    // Nothing listens on port 1. The API needs no database to accept notifications.
    let database = [("DATABASE_URL", "postgres://127.0.0.1:1/none")];
    let api = Program::start(ProgramKind::Api, world.settings(&database)).await;
    api.until_ready().await;
    let (service, anonymous) = (api.client(), api.client().anonymous());
    let restricted =
        service.with_token(tokens::scoped(Uuid::now_v7().into(), "notifications:send"));
    let (valid, large) = (world.in_app(), json!({"padding": "x".repeat(3000)}));
    for (status, client, method, path, body) in [
        (
            202,
            &service,
            Method::POST,
            "/api/notifications",
            Some(&valid),
        ),
        (
            400,
            &service,
            Method::POST,
            "/api/notifications",
            Some(&json!({})),
        ),
        (
            401,
            &anonymous,
            Method::POST,
            "/api/notifications",
            Some(&valid),
        ),
        (
            403,
            &restricted,
            Method::POST,
            "/api/notifications",
            Some(&valid),
        ),
        (404, &service, Method::GET, "/api/nothing", None),
        (405, &service, Method::PUT, "/api/notifications", None),
        (
            413,
            &service,
            Method::POST,
            "/api/notifications",
            Some(&large),
        ),
        (415, &service, Method::POST, "/api/notifications", None),
        (503, &service, Method::GET, "/api/notifications", None),
        (200, &anonymous, Method::GET, "/docs/", None),
    ] {
        let mut request = client.request(method, path).header("Origin", PAGE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        if status >= 400 {
            answer.assert_error_shape();
        }
        assert_readable(&answer, PAGE);
    }
}

#[tokio::test]
async fn preflight_requests_need_no_token() {
    let world = World::with(&[("CORS_ALLOWED_ORIGINS", PAGE)]).await;
    let api = world.api().await;
    let client = api.client().anonymous();
    let headers = "authorization,content-type,idempotency-key,last-event-id,x-api-key,x-request-id";
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = preflight(&client, PAGE, method, headers).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{method}");
        assert_readable(&answer, PAGE);
        let methods = answer.header("Access-Control-Allow-Methods");
        assert!(
            methods.split(", ").any(|allowed| allowed == method),
            "{methods}"
        );
        let allowed = answer.header("Access-Control-Allow-Headers");
        for name in headers.split(',') {
            assert!(allowed.contains(name), "{allowed}");
        }
        assert_eq!(answer.header("Access-Control-Max-Age"), "7200");
        assert_eq!(answer.header("X-Content-Type-Options"), "nosniff");
    }
    for (method, headers, named) in [
        (
            "TRACE",
            "authorization",
            "GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        (
            "POST",
            "authorization,x-colour",
            "authorization, content-type, idempotency-key",
        ),
    ] {
        let answer = preflight(&client, PAGE, method, headers).await;
        answer.assert_error(400, "invalid_preflight");
        assert!(answer.text.contains(named), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_nothing() {
    let world = World::with(&[("CORS_ALLOWED_ORIGINS", PAGE)]).await;
    let api = world.api().await;
    let client = api.client();
    for other in [
        OTHER_PAGE,
        "https://app.example.com:8443",
        "http://app.example.com",
        "null",
    ] {
        assert_preflight_refused(&client, other).await;
        // Programs may send the header too.
        for (path, status) in [("/live", 200), ("/api/nothing", 404)] {
            let request = client.request(Method::GET, path).header("Origin", other);
            let answer = client.send(request).await;
            assert_eq!(answer.status, status, "{path}");
            assert_unreadable(&answer);
            // A cache must not give the response to a page of an allowed origin.
            assert!(answer.header("Vary").contains("Origin"), "{path}");
        }
    }
    assert_unreadable(&client.get("/live").await);
}

#[tokio::test]
async fn by_default_no_page_of_another_origin_may_read_anything() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    assert_preflight_refused(&client, PAGE).await;
    let request = client.request(Method::GET, "/live").header("Origin", PAGE);
    assert_unreadable(&client.send(request).await);
}

#[tokio::test]
async fn a_wildcard_allows_every_page_and_no_credentials() {
    let world = World::with(&[("CORS_ALLOWED_ORIGINS", "*")]).await;
    let api = world.api().await;
    let client = api.client();
    for page in [PAGE, OTHER_PAGE] {
        let allowed = preflight(&client.anonymous(), page, "GET", "authorization").await;
        assert_eq!(allowed.status, 200, "{}", allowed.text);
        assert_readable(&allowed, "*");
        let request = client
            .request(Method::GET, "/api/nothing")
            .header("Origin", page);
        assert_readable(&client.send(request).await, "*");
    }
}
