//! `GET /api/notifications/{messageId}/attempts`.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_db::delivery_attempts::{
    AttemptOutcome, FinishedAttempt, NewAttempt, UsedTemplate, begin, finish,
};
use tidings_db::notifications::LeaseToken;
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{World, tokens};
use uuid::Uuid;

/// A recorded e-mail for the world's user.
async fn email(world: &World) -> MessageId {
    let mut email = world.wire();
    email.channel = Channel::Email;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let made = tidings_db::notifications::insert_batch(&*client, &[&email]).await;
    assert_eq!(made.expect("recorded").len(), 1);
    email.message_id
}

fn path(id: MessageId) -> String {
    format!("/api/notifications/{id}/attempts")
}

#[tokio::test]
async fn attempts_are_listed_in_order_with_all_fields() {
    let (world, api) = World::shared().await;
    let message_id = email(&world).await;
    let none = api.client().get(&path(message_id)).await;
    assert_eq!(
        (none.status, &none.body),
        (200, &json!({"attempts": [], "nextCursor": null}))
    );

    let contact = Uuid::now_v7();
    let template = UsedTemplate {
        name: "welcome".to_owned(),
        locale: "de".to_owned(),
        version: 3,
    };
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let first = NewAttempt {
        message_id,
        attempt: 0,
        provider: "smtp",
        contact_id: None,
        template: None,
        token: LeaseToken::generate(),
    };
    let second = NewAttempt {
        attempt: 1,
        contact_id: Some(contact),
        template: Some(&template),
        ..first
    };
    for (attempt, outcome, reference, error) in [
        (
            first,
            AttemptOutcome::Failed,
            None,
            Some("451 come back later"),
        ),
        (
            second,
            AttemptOutcome::Delivered,
            Some("queued as 4F2"),
            None,
        ),
    ] {
        let ids = begin(&*client, &[attempt]).await.expect("begun");
        let done = FinishedAttempt {
            id: ids[0],
            duration: Duration::from_millis(31),
            outcome,
            reference,
            error,
        };
        finish(&*client, &[done]).await.expect("finished");
    }
    let third = NewAttempt {
        attempt: 2,
        ..first
    };
    begin(&*client, &[third]).await.expect("begun");

    let mut answer = api.client().get(&path(message_id)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let attempts = answer.body["attempts"].as_array_mut().expect("a list");
    let times: Vec<Timestamp> = attempts
        .iter_mut()
        .map(|attempt| attempt["startedAt"].take())
        .map(|time| time.as_str().expect("a time").parse().expect("RFC 3339"))
        .collect();
    assert!(times.len() == 3 && times.is_sorted(), "{times:?}");
    let expected = json!([
        {"attempt": 0, "provider": "smtp", "startedAt": null, "durationMs": 31, "outcome": "failed",
         "providerReference": null, "error": "451 come back later"},
        {"attempt": 1, "provider": "smtp", "startedAt": null, "durationMs": 31, "outcome": "delivered",
         "providerReference": "queued as 4F2", "error": null, "contactId": contact,
         "template": {"name": "welcome", "locale": "de", "version": 3}},
        {"attempt": 2, "provider": "smtp", "startedAt": null, "durationMs": null, "outcome": "sending",
         "providerReference": null, "error": null},
    ]);
    assert_eq!(Value::Array(attempts.clone()), expected);
}

#[tokio::test]
async fn attempts_need_the_permission_to_read_their_notification() {
    let (world, api) = World::shared().await;
    let id = email(&world).await;
    let stranger = world.database.user().await;
    let client = api.client();
    for (token, status) in [
        (tokens::service(), 200),
        (tokens::scoped(world.user, "notifications:read"), 200),
        (tokens::scoped(stranger, "admin"), 200),
        (tokens::scoped(stranger, "notifications:read"), 404),
        (tokens::scoped(world.user, "notifications:send"), 403),
        ("nonsense".to_owned(), 401),
    ] {
        let client = client.with_token(token);
        let answer = client.get(&path(id)).await;
        let whole = client.get(&format!("/api/notifications/{id}")).await;
        assert_eq!(
            (answer.status, whole.status),
            (status, status),
            "{}",
            answer.text
        );
        if status != 200 {
            answer.assert_error_shape();
        }
    }
    client
        .anonymous()
        .get(&path(id))
        .await
        .assert_error(401, "unauthorized");
}

#[tokio::test]
async fn attempts_of_an_unknown_notification_are_a_404() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    client
        .get(&path(MessageId::generate()))
        .await
        .assert_error(404, "not_found");
    let answer = client.get("/api/notifications/7/attempts").await;
    answer.assert_error(400, "invalid_message_id");
    let post = client.request(Method::POST, &path(MessageId::generate()));
    let answer = client.send(post).await;
    answer.assert_error(405, "method_not_allowed");
}
