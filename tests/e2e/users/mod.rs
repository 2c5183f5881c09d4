//! `/api/users`.

mod batches;
mod errors;
mod lists;
mod permissions;
mod pipeline;
mod races;
mod roles;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World};
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/users/{id}")
}

async fn put(client: &Client, id: Uuid, body: &Value) -> Answer {
    let request = client.request(Method::PUT, &path(id)).json(body);
    client.send(request).await
}

async fn patch(client: &Client, id: Uuid, body: &Value) -> Answer {
    let request = client.request(Method::PATCH, &path(id)).json(body);
    client.send(request).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).json(body);
    client.send(request).await
}

/// A complete user. No other test has this name and this address.
fn anna(id: Uuid) -> Value {
    json!({
        "username": format!("anna-{id}"), "email": format!("anna-{id}@example.com"), "locale": "de-AT",
        "timezone": "Europe/Vienna", "phoneNumbers": ["+436601234567", "+4915112345678"],
    })
}

/// The user without the times and the role.
fn without_times(answer: &Answer) -> Value {
    let mut user = answer.body.clone();
    let members = user.as_object_mut().expect("a user");
    assert_eq!(members.remove("role"), Some(json!("user")));
    for time in ["createdAt", "updatedAt"] {
        let text = members.remove(time).unwrap_or_default();
        let text = text.as_str().expect("a time");
        assert!(text.parse::<jiff::Timestamp>().is_ok(), "{text}");
    }
    user
}

fn with_id(mut user: Value, id: Uuid) -> Value {
    user["id"] = json!(id);
    user
}

#[tokio::test]
async fn a_user_is_created_once_and_then_replaced() {
    let (_world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    client.get(&path(id)).await.assert_error(404, "not_found");
    let first = put(&client, id, &anna(id)).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(without_times(&first), with_id(anna(id), id));
    let repeated = put(&client, id, &anna(id)).await;
    assert_eq!((repeated.status, &repeated.body), (200, &first.body));
    assert_eq!(client.get(&path(id)).await.body, first.body);

    // Absent fields have no value afterwards, but the numbers stay.
    let name = json!({"username": format!("Anna {id}")});
    let second = put(&client, id, &name).await;
    let expected = json!({
        "id": id, "username": name["username"], "email": null, "locale": null, "timezone": null,
        "phoneNumbers": ["+436601234567", "+4915112345678"],
    });
    assert_eq!((second.status, without_times(&second)), (200, expected));
    assert_eq!(second.body["createdAt"], first.body["createdAt"]);
    assert_ne!(second.body["updatedAt"], first.body["updatedAt"]);
    assert_eq!(client.get(&path(id)).await.body, second.body);
}

#[tokio::test]
async fn values_are_stored_in_canonical_spelling() {
    let (_world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let body = json!({
        "username": format!("Ünï-{id}"), "email": format!("Ünï-{id}@EXÄMPLE.com"), "locale": "zh_hANT_tw",
        "timezone": "america/new_york", "phoneNumbers": ["+4915112345678", "+4915112345678"],
    });
    let answer = put(&client, id, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let expected = json!({
        "id": id, "username": body["username"], "email": format!("ünï-{id}@xn--exmple-cua.com"), "locale": "zh-Hant-TW",
        "timezone": "America/New_York", "phoneNumbers": ["+4915112345678"],
    });
    assert_eq!(without_times(&answer), expected);
}

#[tokio::test]
async fn a_user_is_created_with_an_id_of_version_7() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let user = anna(Uuid::new_v4());
    let answer = post(&client, "/api/users", &user).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id: Uuid = answer.body["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(answer.header("Location"), path(id));
    assert_eq!(
        client.get(answer.header("Location")).await.body,
        answer.body
    );
    assert_eq!(without_times(&answer), with_id(user.clone(), id));
    // A repeated request creates no second user.
    let repeated = post(&client, "/api/users", &user).await;
    repeated.assert_error(409, "username_taken");
    assert_eq!(repeated.fields(), ["email", "username"]);
}

#[tokio::test]
async fn a_change_keeps_absent_fields_and_null_removes_a_value() {
    let (_world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let created = put(&client, id, &anna(id)).await;
    let mut expected = with_id(anna(id), id);
    let unchanged = patch(&client, id, &json!({})).await;
    assert_eq!((unchanged.status, &unchanged.body), (200, &created.body));
    for change in [
        json!({"username": format!("Anna B. {id}")}),
        json!({"email": null}),
        json!({"email": format!("b-{id}@example.com"), "locale": null}),
        json!({"timezone": null, "locale": "de"}),
        json!({"timezone": "UTC"}),
        // The first number gets the messages, so the order matters.
        json!({"phoneNumbers": ["+4915112345678", "+436601234567"]}),
        json!({"phoneNumbers": ["+12025550123", "+436601234567"]}),
        json!({"phoneNumbers": []}),
    ] {
        let members = change.as_object().expect("an object").clone();
        expected.as_object_mut().expect("an object").extend(members);
        let answer = patch(&client, id, &change).await;
        assert_eq!(
            (answer.status, without_times(&answer)),
            (200, expected.clone()),
            "{change}"
        );
        assert_eq!(client.get(&path(id)).await.body, answer.body);
    }
    let numbers = patch(&client, id, &json!({"phoneNumbers": ["+12025550123"]})).await;
    assert_eq!(numbers.body["phoneNumbers"], json!(["+12025550123"]));
    let contacts = client
        .get(&format!("{}/contacts/phone-numbers", path(id)))
        .await;
    assert_eq!(contacts.body["phoneNumbers"][0]["number"], "+12025550123");
    let none = patch(&client, id, &json!({"phoneNumbers": null})).await;
    assert_eq!(none.body["phoneNumbers"], json!([]));
}
