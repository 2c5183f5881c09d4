//! Errors.

use reqwest::Method;
use serde_json::json;
use tidings_tests::World;
use uuid::Uuid;

use super::{anna, patch, path, post, put};

#[tokio::test]
async fn an_unknown_user_is_a_404_and_an_invalid_id_a_400() {
    let (_world, api) = World::shared().await;
    let (client, nobody) = (api.client(), Uuid::new_v4());
    client
        .get(&path(nobody))
        .await
        .assert_error(404, "not_found");
    let changed = patch(&client, nobody, &json!({"locale": "de"})).await;
    changed.assert_error(404, "not_found");
    for id in ["me", "7", "%00"] {
        let path = format!("/api/users/{id}");
        for method in [Method::GET, Method::PUT, Method::PATCH] {
            let request = client
                .request(method, &path)
                .json(&json!({"username": "a"}));
            let answer = client.send(request).await;
            answer.assert_error(400, "invalid_user_id");
            assert_eq!(answer.fields(), ["userId"]);
        }
    }
}

#[tokio::test]
async fn all_problems_of_a_body_are_named_at_once_and_nothing_is_stored() {
    let (_world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let wrong = json!({
        "username": " ", "email": "anna", "locale": "x", "timezone": "Mars/Olympus", "phoneNumbers": ["1"], "name": "Anna",
    });
    let all = [
        "email",
        "locale",
        "name",
        "phoneNumbers",
        "timezone",
        "username",
    ];
    for answer in [
        put(&client, id, &wrong).await,
        post(&client, "/api/users", &wrong).await,
        patch(&client, id, &wrong).await,
    ] {
        answer.assert_error(400, "invalid_request");
        assert_eq!(answer.fields(), all);
    }
    client.get(&path(id)).await.assert_error(404, "not_found");
    for (body, code, field) in [
        (json!({}), "missing_fields", "username"),
        (json!({"username": null}), "invalid_fields", "username"),
        (json!({"username": 7}), "invalid_fields", "username"),
        (
            json!({"username": "a".repeat(101)}),
            "invalid_fields",
            "username",
        ),
        (json!({"username": "a\u{0}"}), "invalid_fields", "username"),
        (
            json!({"username": "a", "email": "x".repeat(300) + "@example.com"}),
            "invalid_fields",
            "email",
        ),
        (
            json!({"username": "a", "locale": "de-".repeat(20)}),
            "invalid_fields",
            "locale",
        ),
        (
            json!({"username": "a", "timezone": "x".repeat(10_000)}),
            "invalid_fields",
            "timezone",
        ),
        (
            json!({"username": "a", "phoneNumbers": vec!["+4915112345678"; 11]}),
            "invalid_fields",
            "phoneNumbers",
        ),
        (json!({"username": "a", "id": id}), "unknown_fields", "id"),
    ] {
        let answer = put(&client, id, &body).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), [field]);
    }
    let long = put(&client, id, &json!({"username": "a".repeat(70_000)})).await;
    long.assert_error(413, "payload_too_large");
    let request = client.request(Method::PUT, &path(id)).body("username=anna");
    client
        .send(request)
        .await
        .assert_error(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_conflict_names_what_another_user_has() {
    let (_world, api) = World::shared().await;
    let (client, id, other) = (api.client(), Uuid::new_v4(), Uuid::new_v4());
    let first = put(&client, id, &anna(id)).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let name = json!({"username": anna(id)["username"]});
    let address = json!({
        "username": format!("ben-{id}"), "email": format!("\"ANNA-{id}\"@Example.com"),
    });
    let both = json!({"username": name["username"], "email": address["email"]});
    // The second time, the other user exists.
    for _ in 0..2 {
        for (body, code, fields) in [
            (&name, "username_taken", &["username"][..]),
            (&address, "email_taken", &["email"]),
            (&both, "username_taken", &["email", "username"]),
        ] {
            for answer in [
                put(&client, other, body).await,
                post(&client, "/api/users", body).await,
            ] {
                answer.assert_error(409, code);
                assert_eq!(answer.fields(), fields);
                assert!(!answer.text.contains(&id.to_string()), "{}", answer.text);
            }
        }
        let ben = put(&client, other, &anna(other)).await;
        assert!([200, 201].contains(&ben.status), "{}", ben.text);
    }
    for (change, code) in [
        (&name, "username_taken"),
        (&json!({"email": address["email"]}), "email_taken"),
    ] {
        patch(&client, other, change).await.assert_error(409, code);
    }
    // Nothing has changed.
    let ben = client.get(&path(other)).await;
    assert_eq!(ben.body["email"], anna(other)["email"]);
    assert_eq!(client.get(&path(id)).await.body, first.body);
}

/// As before this API, users may be inserted by SQL.
#[tokio::test]
async fn an_address_that_sql_has_inserted_in_another_spelling_is_taken_and_found() {
    let (world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let spelled = format!("Anna-{id}@Example.COM");
    let sql =
        format!("INSERT INTO users (id, username, email) VALUES ('{id}', 'sql-{id}', '{spelled}')");
    let inserted = world
        .database
        .pool
        .run(async |db| Ok(db.batch_execute(&sql).await?))
        .await;
    inserted.expect("inserted");
    let lower = spelled.to_lowercase();
    let other = json!({"username": format!("other-{id}"), "email": lower});
    post(&client, "/api/users", &other)
        .await
        .assert_error(409, "email_taken");
    let body = json!({"email": lower});
    let request = client.request(
        Method::PUT,
        &format!("{}/contacts/email", path(world.user.as_uuid())),
    );
    client
        .send(request.json(&body))
        .await
        .assert_error(409, "email_taken");

    let found = client.get(&format!("/api/users?email={lower}")).await;
    assert_eq!(found.body["users"][0]["id"], json!(id), "{}", found.text);
    assert_eq!(found.body["users"][0]["email"], json!(spelled));
    let updated = put(
        &client,
        id,
        &json!({"username": format!("sql-{id}"), "email": lower}),
    )
    .await;
    assert_eq!(
        (updated.status, &updated.body["email"]),
        (200, &json!(lower))
    );
}

#[tokio::test]
async fn other_methods_are_refused_with_what_is_allowed() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    for (method, path, allow) in [
        (Method::PUT, "/api/users".to_owned(), "GET, HEAD, POST"),
        (Method::GET, "/api/users/batch".to_owned(), "POST"),
        (
            Method::POST,
            path(Uuid::new_v4()),
            "DELETE, GET, HEAD, PATCH, PUT",
        ),
    ] {
        let answer = client.send(client.request(method, &path)).await;
        answer.assert_error(405, "method_not_allowed");
        assert_eq!(answer.header("Allow"), allow);
    }
}
