//! From the request to the provider, and who may read what was sent.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId};
use tidings_tests::{Client, World, tokens};

use super::{address, to_address, with, without_user};
use crate::templates;

/// The recipient and the content of the only message of a notification in the sandbox.
fn message(folder: &TempDir, channel: DeliveredChannel, id: MessageId) -> Value {
    let files = std::fs::read_dir(folder.path().join(channel.as_str())).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let its: Vec<_> = paths
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_its = name.is_some_and(|name| name.starts_with(&id.to_string()));
            is_its
                && path
                    .extension()
                    .is_some_and(|extension| extension == "json")
        })
        .collect();
    assert_eq!(its.len(), 1, "{its:?}");
    let json = std::fs::read(&its[0]).expect("readable");
    serde_json::from_slice(&json).expect("JSON")
}

/// The ids that a list shows.
async fn listed(client: &Client, query: &str) -> Vec<String> {
    let page = client
        .get(&format!("/api/notifications?limit=200{query}"))
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    let rows = page.body["notifications"].as_array().expect("a list");
    let ids = rows.iter().map(|row| row["messageId"].as_str());
    ids.map(|id| id.expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_channel_reaches_an_address_and_no_list_of_a_user_shows_it() {
    let folder = TempDir::new().expect("a folder");
    let world = World::with(&[
        ("WORKER_CHANNELS", "intake,email,sms,push,webhook"),
        ("SANDBOX_DIR", folder.path().to_str().expect("UTF-8")),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let template =
        json!({"subject": "Join us, {{ name }}", "text": "{{ to }}: https://example.com/join"});
    let answer = templates::put(
        &client,
        "/api/templates/invitation/email/default",
        &template,
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);

    let mut all = Vec::new();
    for channel in DeliveredChannel::ALL {
        let posted = client.post(&to_address(channel)).await;
        all.push((channel, posted.accepted()));
    }
    let alias = json!({"payload": {"text": "Hi", "phoneNumber": address(DeliveredChannel::Sms)}});
    let alias = with(without_user(Channel::Sms), &alias);
    all.push((DeliveredChannel::Sms, client.post(&alias).await.accepted()));
    let batch = client
        .post_batch(&DeliveredChannel::ALL.map(to_address))
        .await;
    let ids = batch
        .results()
        .into_iter()
        .map(|result| result.expect("queued"));
    all.extend(DeliveredChannel::ALL.into_iter().zip(ids));
    let invitation = json!({
        "template": {"name": "invitation"},
        "payload": {"to": address(DeliveredChannel::Email), "name": "Anna"},
    });
    let invitation = with(to_address(DeliveredChannel::Email), &invitation);
    let invited = client.post(&invitation).await.accepted();
    all.push((DeliveredChannel::Email, invited));
    let of_user = client.post(&world.in_app()).await.accepted();

    for (channel, id) in &all {
        world.until_status(*id, "processed").await;
        let sent = message(&folder, *channel, *id);
        assert_eq!(sent["to"], address(*channel), "{channel}");
    }
    let sent = message(&folder, DeliveredChannel::Email, invited);
    assert_eq!(sent["subject"], "Join us, Anna");
    assert_eq!(sent["text"], "guest@example.org: https://example.com/join");

    world.until_status(of_user, "processed").await;
    assert_readable_by_operators_only(&world, &client, &all, of_user).await;
}

async fn assert_readable_by_operators_only(
    world: &World,
    client: &Client,
    all: &[(DeliveredChannel, MessageId)],
    of_user: MessageId,
) {
    let (channel, id) = all[0];
    let path = format!("/api/notifications/{id}");
    let found = client.get(&path).await;
    assert_eq!(
        (found.status, &found.body["targetUserId"]),
        (200, &json!(null))
    );
    assert_eq!(client.attempts(id).await.len(), 1);
    let in_app = vec![of_user.to_string()];
    assert_eq!(
        listed(client, &format!("&targetUserId={}", world.user)).await,
        in_app
    );
    assert_eq!(listed(client, "").await.len(), all.len() + 1);
    assert_eq!(listed(client, "&order=sent").await.len(), all.len());
    let request = client.request(Method::GET, "/api/notifications?order=sent");
    let file = client.send(request.header("Accept", "text/csv")).await;
    assert!(
        file.text.contains(&format!("{id},,{channel},")),
        "{}",
        file.text
    );

    // A reader of one user's notifications, even one that has sent it: as if it did not exist.
    for scope in [
        "notifications:read",
        "notifications:read notifications:send:any",
    ] {
        let reader = client.with_token(tokens::scoped(world.user, scope));
        assert_eq!(listed(&reader, "").await, in_app, "{scope}");
        assert_eq!(listed(&reader, "&order=sent").await, Vec::<String>::new());
        for path in [path.clone(), format!("{path}/attempts")] {
            let refused = reader.get(&path).await;
            refused.assert_error(404, "not_found");
            let missing = path.replace(&id.to_string(), &MessageId::generate().to_string());
            let missing = reader.get(&missing).await;
            assert_eq!(refused.body["message"], missing.body["message"]);
        }
    }
}

#[tokio::test]
async fn a_key_belongs_to_a_recipient_with_or_without_a_user() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let body = to_address(DeliveredChannel::Email);
    let of_user = with(body.clone(), &json!({"targetUserId": world.user}));
    for (first, other) in [(&body, &of_user), (&of_user, &body)] {
        let key = MessageId::generate().to_string();
        let id = client.post_with_key(first, &key).await.accepted();
        let again = client.post_with_key(first, &key).await;
        assert_eq!(
            (again.accepted(), again.header("Idempotency-Replayed")),
            (id, "true")
        );
        let reused = client.post_with_key(other, &key).await;
        reused.assert_error(422, "idempotency_key_reused");
    }
}
