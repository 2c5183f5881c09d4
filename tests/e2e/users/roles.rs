//! Users with a role: a new password goes to the e-mail address, so only an admin changes their contacts.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Client, World, tokens};
use uuid::Uuid;

use super::{anna, patch, path, post, put};

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let answer = client.send(client.request(method, path).json(body)).await;
    (answer.status, answer.body)
}

/// The contacts have endpoints of their own, and a user who is deleted has none.
async fn assert_no_other_endpoint_changes_contacts(writer: &Client, id: Uuid) {
    let contacts = format!("{}/contacts", path(id));
    for (method, path) in [
        (Method::PUT, format!("{contacts}/email")),
        (Method::DELETE, format!("{contacts}/email")),
        (Method::POST, format!("{contacts}/phone-numbers")),
    ] {
        let body = json!({"email": "mine@example.com", "number": "+436609999999"});
        assert_eq!(send(writer, method, &path, &body).await.0, 403);
    }
    let (status, body) = send(writer, Method::DELETE, &path(id), &Value::Null).await;
    assert_eq!((status, &body["code"]), (403, &json!("user_has_role")));
}

#[tokio::test]
async fn only_an_admin_changes_the_contacts_of_users_with_a_role_or_deletes_them() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let scopes = "users:write users:read contacts:write keys:write notifications:send:any";
    let writer = admin.with_token(tokens::scoped(world.user, scopes));
    for role in ["operator", "admin"] {
        let (id, user) = (Uuid::new_v4(), Uuid::new_v4());
        let with_role = anna(id);
        for id in [id, user] {
            let created = put(&writer, id, &anna(id)).await;
            assert_eq!(created.status, 201, "{}", created.text);
        }
        let set_role = async |client: &Client| {
            send(
                client,
                Method::PUT,
                &format!("{}/role", path(id)),
                &json!({"role": role}),
            )
            .await
        };
        assert_eq!(set_role(&writer).await.0, 403);
        assert_eq!(set_role(&admin).await.0, 200);

        let with = |member: &str, value: Value| {
            let mut body = with_role.clone();
            body[member] = value;
            body
        };
        let mine = json!(format!("mine-{id}@example.com"));
        let phones = json!(["+436609999999"]);
        for body in [
            with("email", mine.clone()),
            with("email", Value::Null),
            with("phoneNumbers", phones.clone()),
            with("phoneNumbers", json!([])),
        ] {
            put(&writer, id, &body)
                .await
                .assert_error(403, "user_has_role");
        }
        for body in [
            json!({"email": mine}),
            json!({"email": null}),
            json!({"phoneNumbers": phones}),
            json!({"phoneNumbers": null, "username": format!("other-{id}")}),
        ] {
            patch(&writer, id, &body)
                .await
                .assert_error(403, "user_has_role");
        }
        // A batch stores the others, and looks at a user as it is after the items before.
        let mut theirs = anna(user);
        theirs["email"] = json!(format!("theirs-{user}@example.com"));
        let items: Vec<Value> = [
            (id, with("email", mine.clone())),
            (user, theirs),
            (id, with("locale", json!("fr"))),
            (id, with("phoneNumbers", phones.clone())),
        ]
        .into_iter()
        .map(|(id, mut body)| {
            body["id"] = json!(id);
            body
        })
        .collect();
        let batch = post(&writer, "/api/users/batch", &json!({"users": items})).await;
        let results = batch.body["results"].as_array().expect("results");
        let statuses: Vec<_> = results.iter().map(|one| &one["status"]).collect();
        assert_eq!(
            statuses,
            ["refused", "updated", "updated", "refused"],
            "{}",
            batch.text
        );
        for index in [0, 3] {
            assert_eq!(results[index]["error"]["code"], "user_has_role");
            assert_eq!(results[index]["retryable"], false);
        }
        assert_no_other_endpoint_changes_contacts(&writer, id).await;

        let found = admin.get(&path(id)).await.body;
        for member in ["username", "email", "phoneNumbers"] {
            assert_eq!(found[member], with_role[member], "{found}");
        }
        assert_eq!(found["locale"], "fr", "the rest may be changed");
        let changed = patch(&admin, id, &json!({"email": mine, "phoneNumbers": phones})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.body["email"], mine);
        // One without a role is deleted as before.
        assert_eq!(
            send(&writer, Method::DELETE, &path(user), &Value::Null)
                .await
                .0,
            202
        );
    }
}
