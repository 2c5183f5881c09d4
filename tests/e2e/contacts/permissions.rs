//! Who may manage whose contacts.

use serde_json::json;
use tidings_domain::notification::UserId;
use tidings_tests::{Client, tokens};
use uuid::Uuid;

use super::{delete, open, path, post, put};

/// Returns the status of each request for `user`: reading and changing.
async fn answers(client: &Client, user: UserId) -> [u16; 4] {
    let number = json!({"number": "+4915112345678"});
    let mail = json!({"email": format!("{user}@example.com")});
    [
        client.get(&path(user, "")).await.status,
        post(client, &path(user, "/phone-numbers"), &number)
            .await
            .status,
        put(client, &path(user, "/email"), &mail).await.status,
        delete(client, &path(user, "/email")).await.status,
    ]
}

#[tokio::test]
async fn contacts_are_managed_by_their_user_and_by_trusted_services() {
    let (world, api) = open().await;
    let own = world.user;
    for (scope, allowed_own, allowed_other) in [
        ("", false, false),
        ("notifications:send:any notifications:read", false, false),
        ("contacts:read", false, false),
        ("contacts:write", true, false),
        ("admin", true, true),
    ] {
        let client = api.client().with_token(tokens::scoped(own, scope));
        for (user, allowed) in [
            (own, allowed_own),
            (world.database.user().await, allowed_other),
        ] {
            let statuses = answers(&client, user).await;
            let right = if allowed {
                statuses[0] == 200
                    && [200, 201].contains(&statuses[1])
                    && statuses[2..] == [200, 204]
            } else {
                statuses == [403; 4]
            };
            assert!(right, "scope {scope:?}: {statuses:?}");
        }
    }
    let service = answers(&api.client(), world.database.user().await).await;
    assert_eq!(service, [200, 201, 200, 204]);
    let anonymous = answers(&api.client().anonymous(), own).await;
    assert_eq!(anonymous, [401; 4]);
    // Without the permission, a caller does not learn whether a user exists.
    let client = api
        .client()
        .with_token(tokens::scoped(own, "contacts:write"));
    let answer = client.get(&path(Uuid::now_v7().into(), "")).await;
    answer.assert_error(403, "forbidden");
}
