//! Clients of an older service: they send no bodies, and read pages by `limit` and `offset`.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Client, tokens};

use super::{publish, until_each_is_sent_once, until_state, world};

const COUNT: usize = 5;

/// Sends a POST without a body.
async fn call(client: &Client, path: &str) -> Value {
    let answer = client.send(client.request(Method::POST, path)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

async fn sent(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/messaging/sent{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

fn messages(page: &Value) -> &Vec<Value> {
    page["messages"].as_array().expect("messages")
}

#[tokio::test]
async fn an_older_client_stops_starts_and_reads_what_was_sent() {
    let (twilio, world) = world(&[]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let scopes = "sending:control notifications:read";
    let client = api.client().with_token(tokens::scoped(world.user, scopes));
    let stopped = call(&client, "/messaging/stop").await;
    let expected = json!({"channel": "sms", "stopped": true, "inFlight": 0});
    assert_eq!(stopped, expected);
    until_state(&worker, "stopped").await;
    let ids = publish(&world, COUNT).await;
    world.until_recorded(5).await;
    let none = json!({"messages": [], "limit": 50, "offset": 0});
    assert_eq!(sent(&client, "").await, none);
    assert_eq!(call(&client, "/messaging/start").await["stopped"], false);
    until_each_is_sent_once(&world, &twilio, COUNT).await;

    let all = sent(&client, "?limit=50&offset=0").await;
    for message in messages(&all) {
        let members: BTreeSet<_> = message.as_object().expect("an object").keys().collect();
        let expected = [
            "content",
            "created_at",
            "id",
            "recipient_phone_number",
            "sending_status",
            "updated_at",
        ];
        assert!(members.into_iter().eq(expected), "{message}");
        assert_eq!(message["content"], "hello");
        assert_eq!(message["recipient_phone_number"], "+4915112345678");
        assert_eq!(message["sending_status"], 1);
    }
    let id = |message: &Value| message["id"].as_str().expect("an id").to_owned();
    let listed: Vec<_> = messages(&all).iter().map(id).collect();
    let expected: BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), expected);

    let mut paged = Vec::new();
    for offset in [0, 2, 4, 6] {
        let page = sent(&client, &format!("?limit=2&offset={offset}")).await;
        assert_eq!(
            (&page["limit"], &page["offset"]),
            (&2.into(), &offset.into())
        );
        paged.extend(messages(&page).iter().map(id));
    }
    assert_eq!(paged, listed);
    for query in [
        "offset=10001",
        "offset=-1",
        "limit=0",
        "limit=201",
        "page=1",
    ] {
        let answer = client.get(&format!("/messaging/sent?{query}")).await;
        answer.assert_error(400, "invalid_query");
    }

    // Another user's token reads nothing of them.
    let other = world.database.user().await;
    let other = client.with_token(tokens::scoped(other, "notifications:read"));
    assert_eq!(sent(&other, "").await, none);
    let answer = other.send(other.request(Method::POST, "/messaging/stop"));
    answer.await.assert_error(403, "forbidden");
    let anonymous = client.anonymous().get("/messaging/sent").await;
    anonymous.assert_error(401, "unauthorized");
}

/// The number of a message without one is that of the user.
#[tokio::test]
async fn the_number_of_a_contact_is_shown() {
    let (twilio, world) = world(&[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let path = format!("/api/users/{}/contacts/phone-numbers", world.user);
    let number = json!({"number": "+4915199999999"});
    let created = super::post(&client, &path, &number).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let body = json!({"targetUserId": world.user, "type": "sms", "payload": {"message": "hi"}});
    let id = client.post(&body).await.accepted();
    world.until_status(id, "processed").await;
    assert_eq!(twilio.count(), 1);
    let page = sent(&client, "").await;
    let message = &page["messages"][0];
    assert_eq!(message["recipient_phone_number"], "+4915199999999");
    assert_eq!(message["content"], "hi");
}
