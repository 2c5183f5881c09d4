//! Events become notifications.

use serde_json::json;
use tempfile::TempDir;
use tidings_domain::notification::{IdempotencyKey, KeyNamespace, MessageId};
use tidings_tests::{World, eventually, secs};
use uuid::Uuid;

use super::{STAGES, event, event_with_id, make_user, until_recorded, with_key};
use crate::templates;

#[tokio::test]
async fn a_template_renders_an_event_with_its_fields_as_variables() {
    let folder = TempDir::new().expect("a folder");
    let world = World::with(&[
        ("WORKER_CHANNELS", "events,intake,email"),
        ("SANDBOX_DIR", folder.path().to_str().expect("UTF-8")),
    ])
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let template = json!({"subject": "Re: {{ subject }}", "text": "{{ recipient }}: {{ body }}"});
    let path = "/api/templates/shipped/email/default";
    let put = templates::put(&api.client(), path, &template).await;
    assert_eq!(put.status, 201, "{}", put.text);
    make_user(&world, Uuid::now_v7().into(), "anna@example.com").await;
    let amqp = world.amqp().await;
    let body = json!({"recipient": "Anna@example.com", "subject": "Hi", "body": "It has shipped!", "template_name": "shipped"});
    amqp.publish(event(&amqp, "email.send", &body)).await;
    until_recorded(&world, 1, "status = 'processed'").await;
    let files = std::fs::read_dir(folder.path().join("email")).expect("a folder");
    let files = files.map(|file| file.expect("a file").path());
    let json = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let sent: Vec<String> = json
        .map(|path| std::fs::read_to_string(path).expect("a file"))
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    for text in ["Re: Hi", "anna@example.com: It has shipped!"] {
        assert!(sent[0].contains(text), "{}", sent[0]);
    }
    // Nobody has this address.
    let body = json!({"recipient": "guest@example.com", "subject": "Hi", "body": "Welcome!"});
    amqp.publish(event(&amqp, "email.send", &body)).await;
    until_recorded(&world, 2, "status = 'processed'").await;
    assert_eq!(world.database.count("user_id IS NULL").await, 1);
    let metrics = worker.metrics().await;
    assert_eq!(
        metrics.sum("tidings_events_translated_total", &["email.send"]),
        2
    );
}

#[tokio::test]
async fn events_with_one_key_are_one_notification() {
    let world = World::with(&[STAGES]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let amqp = world.amqp().await;
    let kind = "notification.send";
    let event_of = |id: &str| event_with_id(&amqp, kind, &world.in_app(), id);
    // A header takes precedence over the property.
    let mut events: Vec<_> = (0..3).map(|_| event_of("order-1")).collect();
    events.extend(["a", "b"].map(|id| with_key(event_of(id), "order-2")));
    // Without a key, each is a notification.
    events.extend([event(&amqp, kind, &world.in_app()), event_of("")]);
    // Another notification under the same key.
    let mut other = world.in_app();
    other["payload"]["title"] = "Another one".into();
    events.push(event_with_id(&amqp, kind, &other, "order-1"));
    amqp.publish_all(events).await;
    eventually(secs(20), "all are processed", async || {
        let metrics = worker.metrics().await;
        let recorded = metrics.sum("tidings_intake_recorded_total", &[]);
        let duplicates = metrics.sum("tidings_intake_duplicates_total", &[]);
        recorded + duplicates == 7 && amqp.dead_letter_depth().await == 1
    })
    .await;
    assert_eq!(world.database.count("true").await, 4);
    let letters = amqp.dead_letters().await;
    assert_eq!(letters[0].reason, "idempotency_key_reused");
    let ids = world.database.message_ids().await;
    for key in ["order-1", "order-2"] {
        let key: IdempotencyKey = key.parse().expect("a key");
        let id = MessageId::for_key(KeyNamespace::of_event(kind), &key);
        assert!(ids.contains(&id.as_uuid()), "{ids:?}");
    }

    // The key of a request belongs to its caller.
    let answer = api.client().post_with_key(&world.in_app(), "order-1").await;
    let posted = answer.accepted().as_uuid();
    assert!(!ids.contains(&posted));
}
