//! Errors.

use reqwest::Method;
use serde_json::json;
use tidings_tests::World;
use uuid::Uuid;

use super::{ALL, create, open, patch, post, send};

#[tokio::test]
async fn invalid_fields_of_a_body_are_named() {
    let (world, api) = open().await;
    let (client, user) = (api.client(), world.user);
    let (path, before) = create(&client, user).await;
    let right = "https://example.com/";
    for (body, code, fields) in [
        (json!({}), "missing_fields", &["url", "userId"][..]),
        (
            json!({"userId": 7, "url": right}),
            "invalid_fields",
            &["userId"],
        ),
        (
            json!({"userId": user, "url": right, "description": "x".repeat(501)}),
            "invalid_fields",
            &["description"],
        ),
        (
            json!({"userId": user, "url": right, "description": "a\u{0}"}),
            "invalid_fields",
            &["description"],
        ),
        (
            json!({"userId": user, "url": right, "secret": "whsec_x"}),
            "unknown_fields",
            &["secret"],
        ),
    ] {
        let answer = post(&client, ALL, &body).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields, "{body}");
    }
    for url in [
        json!("example.com"),
        json!("ftp://example.com/"),
        json!("https://user:password@example.com/"),
        json!(null),
        // The worker would refuse these.
        json!("http://example.com/"),
        json!("https://127.0.0.1/"),
        json!("https://2130706433/"),
        json!("https://[::ffff:10.0.0.1]/"),
        json!("https://169.254.169.254/latest/meta-data"),
        json!("https://localhost/"),
    ] {
        for answer in [
            post(&client, ALL, &json!({"userId": user, "url": url})).await,
            patch(&client, &path, &json!({"url": url})).await,
        ] {
            answer.assert_error(400, "invalid_fields");
            assert_eq!(answer.fields(), ["url"], "{url}");
        }
    }
    let answer = patch(&client, &path, &json!({"enabled": "yes", "userId": user})).await;
    answer.assert_error(400, "invalid_request");
    assert_eq!(answer.fields(), ["enabled", "userId"]);
    let request = client.request(Method::POST, ALL).body("url=x");
    client
        .send(request)
        .await
        .assert_error(415, "unsupported_media_type");
    assert_eq!(
        client.get(&path).await.body["updatedAt"],
        before["updatedAt"]
    );
    assert_eq!(
        client.get(&format!("{ALL}?userId={user}")).await.body["webhookEndpoints"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let nobody = json!({"userId": Uuid::now_v7(), "url": right});
    post(&client, ALL, &nobody)
        .await
        .assert_error(404, "not_found");
}

#[tokio::test]
async fn an_allowed_internal_host_may_be_an_endpoint() {
    let world = World::with(&[("WEBHOOK_ALLOW_HOSTS", "hooks.intranet:8080")]).await;
    let api = world.api().await;
    for (url, status) in [
        ("http://hooks.intranet:8080/", 201),
        ("http://hooks.intranet:8081/", 400),
    ] {
        let body = json!({"userId": world.user, "url": url});
        let answer = post(&api.client(), ALL, &body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn invalid_ids_and_methods_have_the_common_error_shape() {
    let (_world, api) = open().await;
    let client = api.client();
    for (method, rest) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/ping"),
        (Method::POST, "/rotate-secret"),
    ] {
        let path = format!("{ALL}/7{rest}");
        let answer = send(&client, method, &path, Some(&json!({}))).await;
        answer.assert_error(400, "invalid_endpoint_id");
        assert_eq!(answer.fields(), ["id"]);
    }
    for (path, allow) in [
        ("", "GET, HEAD, POST"),
        ("/7", "GET, HEAD, PATCH, DELETE"),
        ("/7/ping", "POST"),
        ("/7/rotate-secret", "POST"),
    ] {
        let answer = send(&client, Method::PUT, &format!("{ALL}{path}"), None).await;
        answer.assert_error(405, "method_not_allowed");
        assert_eq!(answer.header("Allow"), allow);
    }
}
