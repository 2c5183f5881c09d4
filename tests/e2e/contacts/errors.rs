//! Errors.

use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::{delete, open, path, post, put};

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
async fn invalid_fields_of_a_body_are_named() {
    let (world, api) = open().await;
    let client = api.client();
    let kinds = [
        (Method::PUT, "/email"),
        (Method::POST, "/phone-numbers"),
        (Method::POST, "/device-tokens"),
    ];
    let [email, number, token] = [0, 1, 2];
    for (kind, body, fields) in [
        (email, json!({}), &["email"][..]),
        (email, json!({"email": null}), &["email"]),
        (email, json!({"email": "anna"}), &["email"]),
        (email, json!({"email": "Anna <a@example.com>"}), &["email"]),
        (email, json!({"email": "a@example.com\u{0}"}), &["email"]),
        (email, json!({"mail": "a@example.com"}), &["email", "mail"]),
        (email, json!([]), &[]),
        (number, json!({"number": 4915}), &["number"]),
        (number, json!({"number": "004915112345678"}), &["number"]),
        (token, json!({"token": ""}), &["token"]),
        (token, json!({"token": "a b"}), &["token"]),
        (token, json!({"token": "x".repeat(4097)}), &["token"]),
        (token, json!({"token": "a", "name": "a\u{0}"}), &["name"]),
        (
            token,
            json!({"token": "a", "name": "x".repeat(101)}),
            &["name"],
        ),
        (token, json!({"name": 7}), &["name", "token"]),
    ] {
        let (method, kind) = kinds[kind].clone();
        let request = client.request(method, &path(world.user, kind)).json(&body);
        let answer = client.send(request).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        answer.assert_error_shape();
        assert_eq!(answer.fields(), fields, "{body}");
    }
    let contacts = client.get(&path(world.user, "")).await.body;
    let none = json!({"email": null, "phoneNumbers": [], "deviceTokens": []});
    assert_eq!(contacts, none);
}

#[tokio::test]
async fn each_kind_of_error_has_its_code() {
    let (world, api) = open().await;
    let (client, numbers) = (api.client(), path(world.user, "/phone-numbers"));
    let long = format!(r#"{{"number": "{}"}}"#, "1".repeat(70_000));
    for (body, status, code) in [
        ("{}", 400, "missing_fields"),
        (r#"{"number": "1"}"#, 400, "invalid_fields"),
        (
            r#"{"number": "+4915112345678", "name": ""}"#,
            400,
            "unknown_fields",
        ),
        (
            r#"{"number": "+4915112345678", "number": "+4915112345679"}"#,
            400,
            "repeated_fields",
        ),
        (r#"{"name": ""}"#, 400, "invalid_request"),
        ("[]", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        (&long, 413, "payload_too_large"),
    ] {
        let request = client.request(Method::POST, &numbers);
        let request = request.header("Content-Type", "application/json");
        let answer = client.send(request.body(body.to_owned())).await;
        answer.assert_error(status, code);
    }
    let request = client.request(Method::POST, &numbers);
    let answer = client.send(request.body("number=+4915112345678")).await;
    answer.assert_error(415, "unsupported_media_type");
}

#[tokio::test]
async fn invalid_ids_and_methods_have_the_common_error_shape() {
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
