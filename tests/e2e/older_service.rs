//! `/api/v1`, for clients of an older service.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World, eventually, secs, tokens};

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::POST, path).json(body))
        .await
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::DELETE, path)).await
}

#[tokio::test]
async fn clients_of_an_older_service_create_users_and_send_read_and_cancel_notifications() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();

    let anna = json!({"username": "anna", "email": "Anna@Example.com"});
    let created = post(&client, "/api/v1/users", &anna).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let user = &created.body;
    assert_eq!(
        (&user["username"], &user["email"]),
        (&json!("anna"), &json!("anna@example.com"))
    );
    assert!(user["created_at"].is_string(), "{user}");
    post(&client, "/api/v1/users", &anna)
        .await
        .assert_error(409, "username_taken");
    let with_password = json!({"username": "b", "email": "b@example.com", "password": "short"});
    let refused = post(&client, "/api/v1/users", &with_password).await;
    refused.assert_error(400, "invalid_fields");
    assert_eq!(refused.fields(), ["password"]);

    let notification = |message_type: &str, provider: Value, payload: &str| json!({"user_id": user["id"], "message_type": message_type, "provider": provider, "payload": payload});
    let path = "/api/v1/notifications";
    let text = r#"{"subject":"Hi","text":"Ho"}"#;
    let email = notification("email", json!("sandbox"), text);
    let accepted = post(&client, path, &email).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    assert_eq!(accepted.body["status"], "queued");
    let id = accepted.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(accepted.header("Location"), format!("{path}/{id}"));
    for (body, code) in [
        (
            notification("email", json!("smtp"), text),
            "provider_not_configured",
        ),
        (
            notification("in_app", json!("sandbox"), "{}"),
            "provider_not_configured",
        ),
        (notification("email", Value::Null, "{}"), "missing_fields"),
        (notification("email", Value::Null, "text"), "invalid_fields"),
        (json!({"targetUserId": user["id"]}), "invalid_request"),
    ] {
        post(&client, path, &body).await.assert_error(400, code);
    }
    let in_app = notification("in_app", Value::Null, r#"{"title": "Hi"}"#);
    assert_eq!(post(&client, path, &in_app).await.status, 202);

    let one = format!("{path}/{id}");
    eventually(secs(20), "both are recorded", async || {
        world.database.count("true").await == 2
    })
    .await;
    let found = client.get(&one).await.body;
    for (field, value) in [
        ("id", json!(id)),
        ("user_id", user["id"].clone()),
        ("message_type", json!("email")),
        ("provider", json!("sandbox")),
        ("status", json!("pending")),
    ] {
        assert_eq!(found[field], value, "{found}");
    }
    let payload = found["payload"].as_str().expect("JSON text");
    let payload: Value = serde_json::from_str(payload).expect("JSON");
    assert_eq!(payload, json!({"subject": "Hi", "text": "Ho"}));
    let query = format!(
        "{path}?user_id={}&status=pending",
        user["id"].as_str().expect("an id")
    );
    assert_eq!(
        client.get(&query).await.body["notifications"],
        json!([found])
    );
    client
        .get(&format!("{path}?targetUserId=7"))
        .await
        .assert_error(400, "invalid_query");

    let cancelled = delete(&client, &one).await;
    assert_eq!(cancelled.body, json!({"id": id, "status": "cancelled"}));
    assert_eq!(client.get(&one).await.body["status"], "cancelled");

    // The rights are those of the other endpoints.
    let other = client.with_token(tokens::scoped(
        world.user,
        "notifications:send notifications:read",
    ));
    post(&other, path, &email)
        .await
        .assert_error(403, "forbidden");
    post(&other, "/api/v1/users", &anna)
        .await
        .assert_error(403, "forbidden");
    other.get(&one).await.assert_error(404, "not_found");
    assert_eq!(other.get(path).await.body["notifications"], json!([]));
}
