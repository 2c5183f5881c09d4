//! Who may manage whose webhook endpoints.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{Client, SharedApi, tokens};

use super::{ALL, create, open, patch, post, send};

/// Creates an endpoint of `user` and returns the status of each request: creating, listing, reading, changing,
/// rotating, pinging, deleting.
async fn answers(api: &SharedApi, client: &Client, user: UserId) -> [u16; 7] {
    let path = create(&api.client(), user).await.0;
    let new = json!({"userId": user, "url": "https://example.com/"});
    let status = async |method, path: String| send(client, method, &path, None).await.status;
    [
        post(client, ALL, &new).await.status,
        status(Method::GET, format!("{ALL}?userId={user}")).await,
        status(Method::GET, path.clone()).await,
        patch(client, &path, &json!({"description": "mine"}))
            .await
            .status,
        status(Method::POST, format!("{path}/rotate-secret")).await,
        status(Method::POST, format!("{path}/ping")).await,
        status(Method::DELETE, path).await,
    ]
}

#[tokio::test]
async fn endpoints_are_managed_by_their_user_and_by_trusted_services() {
    let (world, api) = open().await;
    let (own, other) = (world.user, world.database.user().await);
    let all = [201, 200, 200, 200, 200, 202, 204];
    let none = [403; 7];
    // Another user's endpoint is reported as unknown.
    let hidden = [403, 403, 404, 404, 404, 404, 404];
    for (scope, of_own, of_other) in [
        ("", none, none),
        ("notifications:send:any notifications:read", none, none),
        // Who only looks.
        (
            "dashboard",
            [403, 200, 200, 403, 403, 403, 403],
            [403, 200, 200, 403, 403, 403, 403],
        ),
        ("contacts:write", all, hidden),
        ("admin", all, all),
    ] {
        let client = api.client().with_token(tokens::scoped(own, scope));
        assert_eq!(answers(&api, &client, own).await, of_own, "scope {scope:?}");
        assert_eq!(
            answers(&api, &client, other).await,
            of_other,
            "scope {scope:?}"
        );
    }
    assert_eq!(answers(&api, &api.client(), other).await, all);
    assert_eq!(
        answers(&api, &api.client().anonymous(), own).await,
        [401; 7]
    );
}

#[tokio::test]
async fn a_scoped_caller_lists_only_their_own_endpoints() {
    let (world, api) = open().await;
    let other = world.database.user().await;
    let own = create(&api.client(), world.user).await.1;
    create(&api.client(), other).await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "contacts:write"));
    let list = client.get(ALL).await;
    let listed = list.body["webhookEndpoints"].as_array().expect("a list");
    let ids: Vec<&Value> = listed.iter().map(|endpoint| &endpoint["id"]).collect();
    assert_eq!(ids, [&own["id"]]);
}
