//! What the tool changes, and `tidings audit`.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_broker::{Envelope, Failure, MessageFactory, Publisher};
use tidings_domain::notification::MessageId;
use tidings_tests::secret_keys::{KEY, new_key};
use tidings_tests::{Amqp, World};
use tokio_util::sync::CancellationToken;

/// Runs the tool, which succeeds. Returns its JSON.
fn run(world: &World, more: &[(&str, &str)], arguments: &[&str]) -> Value {
    let output = world.tidings_with(more, &[&["--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The user who runs the tests.
fn os_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("a name");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs the tool, and checks that it leaves one entry about `action` with this target and these details.
fn one(
    world: &World,
    more: &[(&str, &str)],
    arguments: &[&str],
    (action, target): (&str, &Value),
    details: &Value,
) -> Value {
    let before = entries(world).len();
    let output = run(world, more, arguments);
    let entries = entries(world);
    assert_eq!(entries.len(), before + 1, "{arguments:?}");
    let entry = &entries[0];
    for (field, expected) in [
        ("actor", &json!({"kind": "cli", "id": os_user()})),
        ("action", &json!(action)),
        ("target", target),
        ("outcome", &json!("ok")),
        ("details", details),
        ("requestId", &Value::Null),
    ] {
        assert_eq!(&entry[field], expected, "{arguments:?}: {field}");
    }
    output
}

fn entries(world: &World) -> Vec<Value> {
    let listed = run(world, &[], &["audit", "--limit", "500"]);
    assert_eq!(listed["more"], false);
    listed["entries"].as_array().expect("a list").clone()
}

fn on(kind: &str, id: &str) -> Value {
    json!({"kind": kind, "id": id})
}

/// Publishes a dead letter of the intake. Returns its id.
async fn dead_letter(world: &World, amqp: &Amqp) -> String {
    let stop = CancellationToken::new();
    let settings = amqp.settings.clone();
    let (publisher, _task) = Publisher::start(settings, "tests: letters", |_| {}, stop.clone());
    publisher.until_connected().await;
    let (notification, factory) = (world.wire(), MessageFactory::new(&amqp.settings));
    let message = amqp.intake_of(&notification);
    let envelope = Envelope::new(
        "attempt.3.3x1000x5x3600000",
        message.properties,
        message.body,
    );
    let dead = factory.dead_letter(&envelope, &Failure::new("unknown_user", "told to"));
    publisher.publish(dead).await.expect("confirmed");
    stop.cancel();
    notification.message_id.to_string()
}

#[tokio::test]
async fn every_change_by_the_tool_leaves_one_entry() {
    let world = World::new().await;
    let templates = tidings_db::demo::DEMO_TEMPLATES.len();
    let seeded = json!({"users": 3, "templates": templates});
    one(&world, &[], &["seed"], ("demo.seed", &Value::Null), &seeded);
    run(&world, &[], &["seed"]);

    let sms = on("sending", "sms");
    let stop = ["sending", "stop", "--channel", "sms", "--reason", "a test"];
    let reason = json!({"reason": "a test"});
    one(&world, &[], &stop, ("sending.stop", &sms), &reason);
    let start = ["sending", "start", "--channel", "sms"];
    one(&world, &[], &start, ("sending.start", &sms), &json!({}));

    let id = MessageId::generate().to_string();
    let target = on("notification", &id);
    let cancelling = json!({"status": "cancelling"});
    one(
        &world,
        &[],
        &["cancel", &id],
        ("notification.cancel", &target),
        &cancelling,
    );

    schedules(&world);
    let retention = ("retention.run", &Value::Null);
    let _ = world.declared(&[]).await;
    one(&world, &[], &["retention", "run"], retention, &json!({}));

    let both = format!("{},{KEY}", new_key("new"));
    let keys = [("SECRETS_KEY", both.as_str())];
    let target = on("secret_key", "new");
    // The endpoint of the demo user.
    let details = json!({"encrypted": 1, "deletedPrevious": 0});
    let rotate = ["secrets", "rotate"];
    one(
        &world,
        &keys,
        &rotate,
        ("secrets.rotate", &target),
        &details,
    );

    dead_letters(&world).await;

    let before = entries(&world).len();
    run(&world, &keys, &rotate);
    for arguments in [
        &["retention", "run", "--dry-run"][..],
        &["dlq", "replay", "--from-queue", "--all", "--dry-run"],
        &["dlq", "purge", "--all", "--dry-run"],
        &["secrets", "rotate", "--dry-run"],
        &["sending", "status"],
        &["seed"],
    ] {
        run(&world, &keys, arguments);
    }
    assert_eq!(entries(&world).len(), before, "nothing has changed");
}

fn schedules(world: &World) {
    let user = world.user.to_string();
    let mut create = vec!["schedules", "create", "--user", &user, "--type", "sms"];
    create.extend(["--payload", r#"{"text": "Hi"}"#, "--cron", "0 9 * * *"]);
    create.extend(["--timezone", "Europe/Berlin"]);
    let before = entries(world).len();
    let made = run(world, &[], &create);
    let id = made["id"].as_str().expect("an id").to_owned();
    let created = entries(world);
    assert_eq!(created.len(), before + 1);
    let target = on("schedule", &id);
    assert_eq!(
        (&created[0]["action"], &created[0]["target"]),
        (&json!("schedule.create"), &target)
    );
    for change in ["pause", "resume", "delete"] {
        let action = format!("schedule.{change}");
        one(
            world,
            &[],
            &["schedules", change, &id],
            (&action, &target),
            &json!({}),
        );
    }
}

async fn dead_letters(world: &World) {
    let amqp = world.declared(&[]).await;
    let queue = on("dead_letter_queue", &amqp.settings.names.dlq);
    let id = dead_letter(world, &amqp).await;
    let details = json!({"count": 1, "messageIds": [id]});
    let replay = ["dlq", "replay", "--from-queue", "--all"];
    one(
        world,
        &[],
        &replay,
        ("dead_letter.replay", &queue),
        &details,
    );
    let id = dead_letter(world, &amqp).await;
    let details = json!({"count": 1, "messageIds": [id]});
    let purge = ["dlq", "purge", "--all", "--yes"];
    one(world, &[], &purge, ("dead_letter.purge", &queue), &details);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn the_tool_lists_the_audit_log_by_filters_as_the_api_does() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    for channel in ["sms", "email", "push"] {
        let body = json!({"channel": channel, "reason": "a test"});
        let request = client.request(Method::POST, "/api/sending/stop");
        assert_eq!(client.send(request.json(&body)).await.status, 200);
    }
    let by_api = super::entries(&client).await;
    let listed = run(&world, &[], &["audit"]);
    assert_eq!(listed["entries"], json!(by_api));
    let some = run(&world, &[], &["audit", "--limit", "2"]);
    assert_eq!(
        (&some["entries"], &some["more"]),
        (&json!(by_api[..2]), &json!(true))
    );
    let action = ["audit", "--action", "sending.stop", "--target", "email"];
    let filtered = run(&world, &[], &action);
    assert_eq!(filtered["entries"], json!([by_api[1]]));
    let none = run(&world, &[], &["audit", "--to", "2026-01-01T00:00:00Z"]);
    assert_eq!(none["entries"], json!([]));
    let text = world.tidings(&["audit", "--actor", tidings_tests::tokens::SERVICE]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("sending.stop") && text.ends_with("3 entries.\n"),
        "{text}"
    );
    let wrong = world.tidings(&["audit", "--action", "stop"]);
    assert_eq!(wrong.status.code(), Some(2));
}
