//! What is refused, and how.

use reqwest::Method;
use serde_json::json;
use tidings_common::notification::UserId;
use uuid::Uuid;

use super::{delete, listed, open, path, post, put};

#[tokio::test]
async fn an_unknown_user_is_a_404_everywhere() {
    let (_world, api) = open().await;
    let (client, nobody) = (api.client(), UserId::from(Uuid::now_v7()));
    for kind in ["", "/email", "/phone-numbers", "/device-tokens"] {
        let answer = client.get(&path(nobody, kind)).await;
        answer.assert_error(404, "not_found");
    }
    let email = json!({"email": "anna@example.com"});
    for answer in [
        put(&client, &path(nobody, "/email"), &email).await,
        delete(&client, &path(nobody, "/email")).await,
        post(
            &client,
            &path(nobody, "/phone-numbers"),
            &json!({"number": "+4915112345678"}),
        )
        .await,
        post(
            &client,
            &path(nobody, "/device-tokens"),
            &json!({"token": "a"}),
        )
        .await,
        delete(
            &client,
            &path(nobody, &format!("/phone-numbers/{}", Uuid::now_v7())),
        )
        .await,
        delete(
            &client,
            &path(nobody, &format!("/device-tokens/{}", Uuid::now_v7())),
        )
        .await,
    ] {
        answer.assert_error(404, "not_found");
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_named() {
    let (world, api) = open().await;
    let client = api.client();
    for (method, kind, body, code, fields) in [
        (
            Method::PUT,
            "/email",
            json!({}),
            "missing_fields",
            &["email"][..],
        ),
        (
            Method::PUT,
            "/email",
            json!({"email": null}),
            "invalid_fields",
            &["email"],
        ),
        (
            Method::PUT,
            "/email",
            json!({"email": "anna"}),
            "invalid_fields",
            &["email"],
        ),
        (
            Method::PUT,
            "/email",
            json!({"email": "Anna <anna@example.com>"}),
            "invalid_fields",
            &["email"],
        ),
        (
            Method::PUT,
            "/email",
            json!({"email": "a@b.c\u{0}"}),
            "invalid_fields",
            &["email"],
        ),
        (
            Method::PUT,
            "/email",
            json!({"mail": "anna@example.com"}),
            "invalid_request",
            &["email", "mail"],
        ),
        (Method::PUT, "/email", json!([]), "invalid_json", &[]),
        (
            Method::POST,
            "/phone-numbers",
            json!({"number": 4915}),
            "invalid_fields",
            &["number"],
        ),
        (
            Method::POST,
            "/phone-numbers",
            json!({"number": "004915112345678"}),
            "invalid_fields",
            &["number"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"token": ""}),
            "invalid_fields",
            &["token"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"token": "a b"}),
            "invalid_fields",
            &["token"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"token": "x".repeat(4097)}),
            "invalid_fields",
            &["token"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"token": "a", "name": "x".repeat(101)}),
            "invalid_fields",
            &["name"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"token": "a", "name": "a\u{0}"}),
            "invalid_fields",
            &["name"],
        ),
        (
            Method::POST,
            "/device-tokens",
            json!({"name": 7}),
            "invalid_request",
            &["name", "token"],
        ),
    ] {
        let request = client.request(method, &path(world.user, kind)).json(&body);
        let answer = client.send(request).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields, "{body}");
    }
    let repeated = r#"{"number": "+4915112345678", "number": "+4915112345679"}"#;
    let request = client.request(Method::POST, &path(world.user, "/phone-numbers"));
    let request = request
        .header("Content-Type", "application/json")
        .body(repeated);
    client
        .send(request)
        .await
        .assert_error(400, "repeated_fields");
    let request = client.request(Method::POST, &path(world.user, "/phone-numbers"));
    let answer = client.send(request.body("number=+4915112345678")).await;
    answer.assert_error(415, "unsupported_media_type");
    let large = json!({"number": "x".repeat(70_000)});
    let answer = post(&client, &path(world.user, "/phone-numbers"), &large).await;
    answer.assert_error(413, "payload_too_large");
    assert_eq!(
        listed(&client, world.user, "phoneNumbers", "id")
            .await
            .len(),
        0
    );
}

#[tokio::test]
async fn wrong_ids_and_methods_have_the_one_error_shape() {
    let (world, api) = open().await;
    let client = api.client();
    for path in ["/api/users/me/contacts", "/api/users/7/contacts/email"] {
        let answer = client.get(path).await;
        answer.assert_error(400, "invalid_user_id");
        assert_eq!(answer.fields(), ["userId"]);
    }
    for kind in ["/phone-numbers/7", "/device-tokens/%00"] {
        let answer = delete(&client, &path(world.user, kind)).await;
        answer.assert_error(400, "invalid_contact_id");
    }
    for (kind, allow) in [
        ("", "GET, HEAD"),
        ("/email", "GET, HEAD, PUT, DELETE"),
        ("/phone-numbers", "GET, HEAD, POST"),
        ("/phone-numbers/7", "DELETE"),
    ] {
        let request = client.request(Method::PATCH, &path(world.user, kind));
        let answer = client.send(request).await;
        answer.assert_error(405, "method_not_allowed");
        assert_eq!(answer.header("Allow"), allow);
    }
}
