use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::Channel;
use tidings_tests::{PrivateServer, ServerKind, ServerUrls, World};
use tidings_tests::{eventually, eventually_ok, notification, secs};

use super::{commands, finding, follow, report, severity};

/// Follows the remedy of a policy: `rabbitmqctl` runs on the test's own broker.
async fn follow_remedy(world: &World, broker: &PrivateServer, finding: &serde_json::Value) {
    for command in commands(finding) {
        if let Some(arguments) = command.strip_prefix("rabbitmqctl ") {
            let words: Vec<&str> = arguments.split(' ').collect();
            let words: Vec<&str> = words.iter().map(|word| word.trim_matches('\'')).collect();
            broker.rabbitmqctl(&words).await;
        } else {
            follow(world, &command);
        }
    }
}

/// The remedy deletes the policy, and replays the notification whose dead letter has expired from its row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_deletes_dead_letters_is_found_and_its_remedy_brings_the_notification_back() {
    let broker = PrivateServer::new(ServerKind::RabbitMq).await;
    let settings = [
        ("WORKER_CHANNELS", "intake,scheduler,sms"),
        ("SMS_MAX_RETRIES", "0"),
    ];
    let world = World::on(&broker.among(ServerUrls::shared()), &settings).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    assert_eq!(severity(&report(&world, &[]), "policies"), "ok");

    let vhost = &world.vhost;
    let definition = json!({"pattern": ".*", "definition": {"message-ttl": 8000}});
    let policy = ["policies", vhost.name.as_str(), "short-lives"];
    vhost
        .management
        .put(&policy, definition)
        .await
        .expect("a policy");
    // No contact of the user and no address: a dead letter at once.
    let post = notification(world.user, Channel::Sms);
    let id = api.client().post(&post).await.accepted();
    world.until_status(id, "failed").await;
    let amqp = world.amqp().await;
    eventually(secs(30), "the dead letter has expired", async || {
        amqp.dead_letter_depth().await == 0
    })
    .await;

    // RabbitMQ reports the policy of each queue with a delay of its own.
    let harmed = eventually_ok(secs(30), "the policy is found", async || {
        let harmed = report(&world, &[]);
        let message = finding(&harmed, "policies")["message"].to_string();
        let parts = [
            "short-lives",
            "message-ttl=8000 of notifications_dlq deletes dead letters",
        ];
        if parts.iter().all(|part| message.contains(part)) {
            Ok(harmed)
        } else {
            Err(message)
        }
    })
    .await;
    assert_eq!(severity(&harmed, "policies"), "error");
    let warned = world.start(tidings_tests::ProgramKind::Worker, &[]).await;
    eventually(secs(20), "a worker warns at its start", async || {
        let warning = "a policy of RabbitMQ harms a queue; see `tidings doctor`";
        !warned.logs().with_message(warning).is_empty()
    })
    .await;
    drop(warned);

    // What the first attempt lacked.
    let path = format!("/api/users/{}/contacts/phone-numbers", world.user);
    let contact = api.client().request(Method::POST, &path);
    let contact = contact.json(&json!({"number": "+4915112345678"}));
    assert_eq!(api.client().send(contact).await.status, 201);
    follow_remedy(&world, &broker, finding(&harmed, "policies")).await;
    // RabbitMQ applies policies in the background, and takes its time while other tests use it.
    eventually(secs(60), "the policy is gone", async || {
        severity(&report(&world, &[]), "policies") == "ok"
    })
    .await;
    world.until_status(id, "processed").await;
    drop((api, worker));
}
