//! Scopes of tokens.

use serde_json::json;
use tidings_domain::notification::{Channel, MessageId, UserId};
use tidings_tests::{Client, SharedApi, World, eventually, notification, secs, tokens};

/// An installation with one notification of each of two users.
struct TwoUsers {
    api: SharedApi,
    own: UserId,
    other: UserId,
    of_own: MessageId,
    of_other: MessageId,
    world: World,
}

impl TwoUsers {
    async fn new() -> Self {
        let (world, api) = World::shared().await;
        let (own, other) = (world.database.user().await, world.database.user().await);
        let client = api.client();
        let of_own = client
            .post(&notification(own, Channel::InApp))
            .await
            .accepted();
        let of_other = client
            .post(&notification(other, Channel::InApp))
            .await
            .accepted();
        eventually(secs(20), "both are recorded", async || {
            count(&world, own, other).await == 2
        })
        .await;
        Self {
            api,
            own,
            other,
            of_own,
            of_other,
            world,
        }
    }

    /// Returns the status of each request: sending to the own user and to another, reading the own notification and
    /// another's, listing the own and another's, listing all.
    async fn answers(&self, client: &Client) -> [u16; 7] {
        let get = async |path: String| client.get(&path).await.status;
        let list = "/api/notifications";
        [
            client
                .post(&notification(self.own, Channel::InApp))
                .await
                .status,
            client
                .post(&notification(self.other, Channel::InApp))
                .await
                .status,
            get(format!("{list}/{}", self.of_own)).await,
            get(format!("{list}/{}", self.of_other)).await,
            get(format!("{list}?targetUserId={}", self.own)).await,
            get(format!("{list}?targetUserId={}", self.other)).await,
            get(list.to_owned()).await,
        ]
    }

    fn scoped(&self, scope: &str) -> Client {
        self.api
            .client()
            .with_token(tokens::scoped(self.own, scope))
    }
}

/// How many notifications these users have.
async fn count(world: &World, own: UserId, other: UserId) -> i64 {
    let condition = format!("user_id IN ('{own}', '{other}')");
    world.database.count(&condition).await
}

#[tokio::test]
async fn each_scope_allows_only_what_it_names() {
    let users = TwoUsers::new().await;
    for (scope, expected) in [
        ("", [403, 403, 403, 403, 403, 403, 403]),
        ("something:else", [403, 403, 403, 403, 403, 403, 403]),
        ("notifications:send", [202, 403, 403, 403, 403, 403, 403]),
        (
            "notifications:send:any",
            [202, 202, 403, 403, 403, 403, 403],
        ),
        ("notifications:read", [403, 403, 200, 404, 200, 403, 200]),
        (
            "notifications:send notifications:read",
            [202, 403, 200, 404, 200, 403, 200],
        ),
        ("admin", [202, 202, 200, 200, 200, 200, 200]),
    ] {
        let answers = users.answers(&users.scoped(scope)).await;
        assert_eq!(answers, expected, "scope {scope:?}");
    }
}

#[tokio::test]
async fn a_token_without_scopes_is_a_trusted_service() {
    let users = TwoUsers::new().await;
    let answers = users.answers(&users.api.client()).await;
    assert_eq!(answers, [202, 202, 200, 200, 200, 200, 200]);
}

#[tokio::test]
async fn a_forbidden_request_gets_the_common_error_shape_and_sends_nothing() {
    let users = TwoUsers::new().await;
    let client = users.scoped("notifications:send");
    let answer = client
        .post(&notification(users.other, Channel::InApp))
        .await;
    answer.assert_error(403, "forbidden");
    let list = format!("/api/notifications?targetUserId={}", users.own);
    client.get(&list).await.assert_error(403, "forbidden");
    let accepted = notification(users.own, Channel::InApp);
    let _ = client.post(&accepted).await.accepted();
    // The messages of one queue are recorded in order: nothing before the accepted one was published.
    eventually(secs(20), "the accepted one is recorded", async || {
        count(&users.world, users.own, users.other).await == 3
    })
    .await;
}

#[tokio::test]
async fn a_scoped_reader_lists_only_their_own_notifications() {
    let users = TwoUsers::new().await;
    let answer = users
        .scoped("notifications:read")
        .get("/api/notifications")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let listed = answer.body["notifications"].as_array().expect("a list");
    let ids: Vec<_> = listed.iter().map(|n| n["messageId"].clone()).collect();
    assert_eq!(ids, [json!(users.of_own)]);
}

/// A caller whose id is not a UUID cannot have notifications.
#[tokio::test]
async fn a_caller_who_is_not_a_user_may_send_to_nobody() {
    let users = TwoUsers::new().await;
    let claims = json!({"sub": "billing", "scope": "notifications:send notifications:read"});
    let client = users.api.client().with_token(tokens::signed(&claims));
    let answers = users.answers(&client).await;
    assert_eq!(answers[..2], [403, 403]);
    assert!(
        answers[2..]
            .iter()
            .all(|status| [403, 404].contains(status)),
        "{answers:?}"
    );
}
