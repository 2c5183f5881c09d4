//! Requests at the same time.

use futures_util::future::join_all;
use serde_json::json;
use tidings_tests::World;
use uuid::Uuid;

use super::{anna, path, put};

#[tokio::test]
async fn of_fifty_users_with_one_address_at_the_same_time_one_is_created() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let ids: Vec<Uuid> = (0..50).map(|_| Uuid::new_v4()).collect();
    let mail = format!("race-{}@example.com", ids[0]);
    // In two spellings.
    let body = |(place, id): (usize, &Uuid)| {
        let email = if place % 2 == 0 {
            mail.clone()
        } else {
            mail.to_uppercase()
        };
        json!({"username": format!("race-{id}"), "email": email})
    };
    let bodies: Vec<_> = ids.iter().enumerate().map(body).collect();
    let putting = ids
        .iter()
        .zip(&bodies)
        .map(|(id, body)| put(&client, *id, body));
    let answers = join_all(putting).await;
    let mut created = Vec::new();
    for (id, answer) in ids.iter().zip(&answers) {
        match answer.status {
            201 => created.push(id),
            _ => answer.assert_error(409, "email_taken"),
        }
    }
    assert_eq!(created.len(), 1);
    for id in &ids {
        let found = client.get(&path(*id)).await.status;
        assert_eq!(found, if created == [id] { 200 } else { 404 });
    }
}

#[tokio::test]
async fn the_same_user_put_at_the_same_time_is_one_row() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    for _ in 0..10 {
        let id = Uuid::new_v4();
        let user = anna(id);
        let (first, second) = tokio::join!(put(&client, id, &user), put(&client, id, &user));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201], "{} {}", first.text, second.text);
        assert_eq!(first.body, second.body);
    }
}

/// Each takes what the other one gives up, so that each waits for the other.
#[tokio::test]
async fn users_who_swap_their_names_and_addresses_get_an_answer() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let (a, b) = (Uuid::new_v4(), Uuid::new_v4());
    for id in [a, b] {
        assert_eq!(put(&client, id, &anna(id)).await.status, 201);
    }
    let (of_a, of_b) = (anna(a), anna(b));
    let (first, second) = tokio::join!(put(&client, a, &of_b), put(&client, b, &of_a));
    for answer in [&first, &second] {
        answer.assert_error(409, "username_taken");
    }
    for id in [a, b] {
        let found = client.get(&path(id)).await;
        assert_eq!(found.body["email"], anna(id)["email"]);
    }
}
