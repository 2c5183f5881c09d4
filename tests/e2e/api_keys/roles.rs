//! Roles of users.

use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client, World};

use super::{entries, send};

async fn set(client: &Client, user: UserId, role: &str) -> Answer {
    let path = format!("/api/users/{user}/role");
    send(client, Method::PUT, &path, &json!({"role": role})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_a_role_and_the_last_admin_keeps_it() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let (anna, ben) = (world.user, world.database.user().await);
    let path = format!("/api/users/{anna}");
    assert_eq!(client.get(&path).await.body["role"], "user");
    for role in ["operator", "operator", "admin"] {
        let answer = set(&client, anna, role).await;
        assert_eq!((answer.status, &answer.body["role"]), (200, &json!(role)));
        assert_eq!(client.get(&path).await.body, answer.body);
    }
    // What else is known about a user changes no role.
    let profile = json!({"username": format!("user-{anna}")});
    let put = send(&client, Method::PUT, &path, &profile).await;
    assert_eq!(put.body["role"], "admin");
    for role in ["user", "operator"] {
        set(&client, anna, role)
            .await
            .assert_error(409, "last_admin");
    }
    assert_eq!(set(&client, anna, "admin").await.status, 200);
    for wrong in ["", "Admin", "root"] {
        set(&client, anna, wrong)
            .await
            .assert_error(400, "invalid_fields");
    }
    let nobody = UserId::from(uuid::Uuid::now_v7());
    set(&client, nobody, "admin")
        .await
        .assert_error(404, "not_found");
    let role = send(&client, Method::PATCH, &path, &json!({"role": "user"})).await;
    role.assert_error(400, "unknown_fields");
    let changes = entries(&client, &anna.to_string()).await;
    let changes: Vec<_> = changes
        .iter()
        .map(|(action, _, details)| (action.as_str(), details))
        .collect();
    let expected = [
        ("user.role", &json!({"from": "operator", "to": "admin"})),
        ("user.role", &json!({"from": "user", "to": "operator"})),
    ];
    assert_eq!(changes, expected);

    // Two admins take the role from each other at the same time: one of them stays.
    for round in 0..8 {
        for user in [anna, ben] {
            assert_eq!(set(&client, user, "admin").await.status, 200);
        }
        let both = tokio::join!(set(&client, anna, "user"), set(&client, ben, "user"));
        let mut statuses = [both.0.status, both.1.status];
        statuses.sort_unstable();
        assert_eq!(
            statuses,
            [200, 409],
            "round {round}: {} {}",
            both.0.text,
            both.1.text
        );
    }
}
