//! `/api/users/{userId}/contacts`.

mod errors;
mod permissions;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client, SharedApi, World};

fn path(user: UserId, rest: &str) -> String {
    format!("/api/users/{user}/contacts{rest}")
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).json(body);
    client.send(request).await
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::PUT, path).json(body);
    client.send(request).await
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::DELETE, path)).await
}

async fn open() -> (World, SharedApi) {
    World::shared().await
}

/// An address or a device token that no other test uses.
fn unique(world: &World, text: &str) -> String {
    format!("{}-{text}", world.user)
}

/// Returns one field of one list in the response of `GET …/contacts`.
async fn listed(client: &Client, user: UserId, list: &str, field: &str) -> Vec<Value> {
    let answer = client.get(&path(user, "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.body[list].as_array().expect("a list");
    items.iter().map(|item| item[field].clone()).collect()
}

#[tokio::test]
async fn a_user_without_contacts_has_empty_lists() {
    let (world, api) = open().await;
    let answer = api.client().get(&path(world.user, "")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({"email": null, "phoneNumbers": [], "deviceTokens": []})
    );
}

#[tokio::test]
async fn an_email_address_is_set_read_and_deleted() {
    let (world, api) = open().await;
    let (client, path) = (api.client(), path(world.user, "/email"));
    let read = async || {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    };
    assert_eq!(read().await, json!({"email": null}));
    for address in ["anna@example.com", "anna@example.org", "anna@example.org"] {
        let address = unique(&world, address);
        let body = json!({"email": address});
        let answer = put(&client, &path, &body).await;
        assert_eq!((answer.status, &answer.body), (200, &body));
        assert_eq!(read().await, body);
    }
    let contacts = client.get(path.trim_end_matches("/email")).await;
    assert_eq!(contacts.body["email"], unique(&world, "anna@example.org"));
    for _ in 0..2 {
        let answer = delete(&client, &path).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(read().await, json!({"email": null}));
    }
}

#[tokio::test]
async fn an_email_address_belongs_to_one_user() {
    let (world, api) = open().await;
    let (client, other) = (api.client(), world.database.user().await);
    let body = json!({"email": unique(&world, "anna@example.com")});
    let first = put(&client, &path(world.user, "/email"), &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let second = put(&client, &path(other, "/email"), &body).await;
    second.assert_error(409, "email_taken");
    assert!(!second.text.contains(&world.user.to_string()));
}

#[tokio::test]
async fn numbers_are_added_once_listed_newest_first_and_deleted() {
    let (world, api) = open().await;
    let (client, numbers) = (api.client(), path(world.user, "/phone-numbers"));
    let body = |n: usize| json!({"number": format!("+4915112345{n:03}")});
    let mut made = Vec::new();
    for n in 1..=3 {
        let answer = post(&client, &numbers, &body(n)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.body["number"], body(n)["number"]);
        let id = answer.body["id"].as_str().expect("an id");
        assert_eq!(answer.header("Location"), format!("{numbers}/{id}"));
        made.push(answer.body);
    }
    let again = post(&client, &numbers, &body(1)).await;
    assert_eq!((again.status, &again.body), (200, &made[0]));
    made.reverse();
    let list = client.get(&numbers).await;
    assert_eq!(list.body, json!({"phoneNumbers": made}));
    let all = client.get(&path(world.user, "")).await;
    assert_eq!(all.body["phoneNumbers"], json!(made));

    let gone = format!("{numbers}/{}", made[0]["id"].as_str().expect("an id"));
    assert_eq!(delete(&client, &gone).await.status, 204);
    delete(&client, &gone).await.assert_error(404, "not_found");
    let left = listed(&client, world.user, "phoneNumbers", "number").await;
    assert_eq!(left, [body(2)["number"].clone(), body(1)["number"].clone()]);
}

#[tokio::test]
async fn a_device_belongs_to_the_user_who_registered_it_last() {
    let (world, api) = open().await;
    let (client, other) = (api.client(), world.database.user().await);
    let [annas, bens] = [world.user, other].map(|user| path(user, "/device-tokens"));
    let token = unique(&world, "device");
    let named = json!({"token": token, "name": "Anna's telephone"});
    let first = post(&client, &annas, &named).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.body["name"], "Anna's telephone");
    let again = post(&client, &annas, &json!({"token": token})).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let list = client.get(&annas).await;
    assert_eq!(list.body, json!({"deviceTokens": [first.body]}));

    let moved = post(&client, &bens, &json!({"token": token, "name": null})).await;
    assert_eq!(moved.status, 201, "{}", moved.text);
    assert_eq!(moved.body["name"], Value::Null);
    let of = async |user| listed(&client, user, "deviceTokens", "token").await;
    assert_eq!(of(world.user).await, [Value::Null; 0]);
    assert_eq!(of(other).await, [token.as_str()]);

    let location = moved.header("Location");
    let not_annas = location.replace(&other.to_string(), &world.user.to_string());
    delete(&client, &not_annas)
        .await
        .assert_error(404, "not_found");
    assert_eq!(delete(&client, location).await.status, 204);
    assert_eq!(of(other).await, [Value::Null; 0]);
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_limit_of_contacts() {
    let (world, api) = open().await;
    let client = api.client();
    for (kind, list, most) in [
        ("/phone-numbers", "phoneNumbers", 10),
        ("/device-tokens", "deviceTokens", 20),
    ] {
        let body = |n: usize| match kind {
            "/phone-numbers" => json!({"number": format!("+4915112345{n:03}")}),
            _ => json!({"token": unique(&world, &format!("device-{n}"))}),
        };
        let path = path(world.user, kind);
        let bodies: Vec<Value> = (0..most + 10).map(body).collect();
        let adding = bodies.iter().map(|body| post(&client, &path, body));
        let answers = futures_util::future::join_all(adding).await;
        let mut made = 0;
        for answer in &answers {
            match answer.status {
                201 => made += 1,
                _ => answer.assert_error(409, "too_many_contacts"),
            }
        }
        assert_eq!(made, most, "{kind}");
        let all = listed(&client, world.user, list, "id").await;
        assert_eq!(all.len(), most, "{kind}");
        // Adding a contact that the user has is no error.
        let had = answers.iter().position(|answer| answer.status == 201);
        let again = post(&client, &path, &bodies[had.expect("one")]).await;
        assert_eq!(again.status, 200, "{}", again.text);
    }
}

/// Otherwise a user could receive the mail of another one who has the address in another spelling.
#[tokio::test]
async fn another_spelling_of_an_address_is_the_same_address() {
    let (world, api) = open().await;
    let client = api.client();
    let (anna, eve) = (world.database.user().await, world.database.user().await);
    let name = unique(&world, "anna");
    for (own, spellings) in [
        (
            format!("{name}@example.com"),
            [
                format!("{}@Example.COM", name.to_uppercase()),
                format!("\"{name}\"@example.com"),
            ],
        ),
        (
            format!("{name}@exämple.com"),
            [
                format!("{name}@xn--exmple-cua.com"),
                format!("{name}@EXA\u{308}MPLE.com"),
            ],
        ),
    ] {
        let set = put(&client, &path(anna, "/email"), &json!({"email": own})).await;
        assert_eq!(set.status, 200, "{}", set.text);
        for spelling in spellings {
            let body = json!({"email": spelling});
            let taken = put(&client, &path(eve, "/email"), &body).await;
            taken.assert_error(409, "email_taken");
            let again = put(&client, &path(anna, "/email"), &body).await;
            assert_eq!((again.status, &again.body), (200, &set.body));
        }
    }
    let encoded = format!("{name}@ex%61mple.com");
    let refused = put(&client, &path(eve, "/email"), &json!({"email": encoded})).await;
    refused.assert_error(400, "invalid_fields");
}
