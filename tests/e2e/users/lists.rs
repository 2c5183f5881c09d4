//! Pages of users.

use serde_json::Value;
use tidings_tests::{Client, World};
use uuid::Uuid;

use super::{anna, put};

/// Reads all pages, each of at most two users.
async fn ids(client: &Client) -> Vec<Uuid> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/users?limit=2{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let users = page.body["users"].as_array().expect("a list");
        assert!(users.len() <= 2, "{}", page.text);
        let id =
            |user: &Value| -> Uuid { user["id"].as_str().expect("an id").parse().expect("a UUID") };
        ids.extend(users.iter().map(id));
        match &page.body["nextCursor"] {
            Value::Null => return ids,
            next => cursor = format!("&cursor={}", next.as_str().expect("a cursor")),
        }
    }
}

#[tokio::test]
async fn every_user_is_on_one_page_also_the_largest_and_the_smallest_id() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let mut expected = vec![
        world.user.as_uuid(),
        Uuid::max(),
        Uuid::nil(),
        Uuid::new_v4(),
        Uuid::new_v4(),
    ];
    for id in &expected[1..] {
        let answer = put(&client, *id, &anna(*id)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids(&client).await, expected);
}

#[tokio::test]
async fn a_user_is_found_by_the_address_in_any_spelling_and_by_the_exact_name() {
    let (_world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let created = put(&client, id, &anna(id)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    for (query, is_found) in [
        (format!("email=ANNA-{id}@Example.com"), true),
        (
            format!("email=%22anna-{id}%22@example.com&username=anna-{id}"),
            true,
        ),
        (format!("username=anna-{id}"), true),
        (format!("username=Anna-{id}"), false),
        (format!("email=anna-{id}@example.org"), false),
        (format!("email=anna-{id}@example.com&username=ben"), false),
    ] {
        let page = client.get(&format!("/api/users?{query}")).await;
        assert_eq!(
            (page.status, &page.body["nextCursor"]),
            (200, &Value::Null),
            "{}",
            page.text
        );
        let users = page.body["users"].as_array().expect("a list");
        let expected: &[Value] = if is_found {
            std::slice::from_ref(&created.body)
        } else {
            &[]
        };
        assert_eq!(users, expected, "{query}");
    }
    let wrong = client
        .get("/api/users?email=anna&username=&limit=201&cursor=7&page=2")
        .await;
    wrong.assert_error(400, "invalid_query");
    assert_eq!(
        wrong.fields(),
        ["cursor", "email", "limit", "page", "username"]
    );
}
