//! Who may read and write users.

use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World, tokens};
use uuid::Uuid;

use super::{anna, patch, path, post, put};

const READING: [usize; 2] = [0, 1];
const WRITING: [usize; 4] = [2, 3, 4, 5];

/// The response to each request: finding, listing, putting, changing, creating and storing a batch.
async fn answers(client: &Client, id: Uuid) -> [Answer; 6] {
    let new = Uuid::new_v4();
    [
        client.get(&path(id)).await,
        client.get("/api/users?limit=1").await,
        put(client, id, &anna(id)).await,
        patch(client, id, &json!({})).await,
        post(client, "/api/users", &anna(new)).await,
        post(
            client,
            "/api/users/batch",
            &json!({"users": [anna(Uuid::new_v4())]}),
        )
        .await,
    ]
}

#[tokio::test]
async fn users_are_read_and_written_only_under_their_scopes() {
    let (world, api) = World::shared().await;
    let own = world.user.as_uuid();
    let other = world.database.user().await.as_uuid();
    for (scope, reads, writes) in [
        ("", false, false),
        (
            "notifications:send:any notifications:read contacts:write templates:write",
            false,
            false,
        ),
        ("users user:read users:read:any USERS:READ", false, false),
        ("users:read", true, false),
        ("users:write", false, true),
        ("users:read users:write", true, true),
        ("admin", true, true),
    ] {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        // The user of a token has no right of its own here.
        for id in [own, other] {
            let answers = answers(&client, id).await;
            let check = |places: &[usize], allowed: bool| {
                for answer in places.iter().map(|place| &answers[*place]) {
                    if allowed {
                        assert!(
                            [200, 201].contains(&answer.status),
                            "{scope}: {}",
                            answer.text
                        );
                    } else {
                        answer.assert_error(403, "forbidden");
                    }
                }
            };
            check(&READING, reads);
            check(&WRITING, writes);
        }
    }
    let client = api.client();
    assert!(
        answers(&client, own)
            .await
            .iter()
            .all(|answer| answer.status < 300)
    );
    for answer in answers(&client.anonymous(), own).await {
        answer.assert_error(401, "unauthorized");
    }
}

/// Scopes are stated, never implied.
#[tokio::test]
async fn a_caller_that_may_only_write_users_reads_nothing_and_does_nothing_else() {
    let (world, api) = World::shared().await;
    let (client, id) = (api.client(), Uuid::new_v4());
    let created = put(&client, id, &anna(id)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let writer = client.with_token(tokens::scoped(world.user, "users:write"));
    let kept = json!({"username": anna(id)["username"]});
    let new = anna(Uuid::new_v4());
    for answer in [
        patch(&writer, id, &json!({})).await,
        put(&writer, id, &kept).await,
        post(&writer, "/api/users", &new).await,
    ] {
        let members = answer.body.as_object().expect("an object").keys();
        let members: Vec<_> = members.map(String::as_str).collect();
        assert_eq!(members, ["createdAt", "id", "updatedAt"], "{}", answer.text);
    }
    // Without the permission, a caller does not learn whether a user exists.
    for id in [id, Uuid::new_v4()] {
        writer.get(&path(id)).await.assert_error(403, "forbidden");
    }
    let reader = client.with_token(tokens::scoped(world.user, "users:read"));
    for id in [id.to_string(), "not-a-uuid".to_owned()] {
        let request = reader.request(reqwest::Method::PUT, &format!("/api/users/{id}"));
        reader
            .send(request.json(&kept))
            .await
            .assert_error(403, "forbidden");
    }

    let user = world.user;
    for client in [&writer, &reader] {
        for path in [
            "/api/notifications".to_owned(),
            format!("/api/users/{user}/contacts"),
            "/api/webhook-endpoints".to_owned(),
            "/api/templates".to_owned(),
            "/api/schedules".to_owned(),
            "/api/sending".to_owned(),
        ] {
            client.get(&path).await.assert_error(403, "forbidden");
        }
        client
            .post(&world.in_app())
            .await
            .assert_error(403, "forbidden");
    }
    let found: Value = client.get(&path(id)).await.body;
    assert_eq!(found["username"], kept["username"]);
}
