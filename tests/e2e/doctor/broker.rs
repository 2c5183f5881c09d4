use std::collections::BTreeSet;

use serde_json::json;
use tidings_broker::Management;
use tidings_tests::{Amqp, AmqpMessage, World};

use super::{commands, finding, follow, report, severity};

/// Returns every exchange, queue and binding of the virtual host, in words.
async fn definitions(world: &World) -> BTreeSet<String> {
    let management = Management::new(&world.broker_settings(&[])).expect("a client");
    let all = management.definitions().await.expect("the definitions");
    // Without the policies, which RabbitMQ computes in the background.
    let queues = all.queues.iter();
    let queues = queues.map(|queue| format!("{} {}", queue.name, queue.arguments));
    let exchanges = all.exchanges.iter().map(|it| format!("{it:?}"));
    let bindings = all.bindings.iter().map(|binding| format!("{binding:?}"));
    queues.chain(exchanges).chain(bindings).collect()
}

/// Other settings of the ladder, as in the shell of a person who runs the tool.
const OTHER_LADDER: [(&str, &str); 2] = [("RETRY_BASE_DELAY_MS", "7"), ("MAX_RETRIES", "5")];

#[tokio::test]
async fn doctor_creates_nothing_and_names_what_is_missing() {
    let world = World::new().await;
    let before = definitions(&world).await;
    let empty = report(&world, &[]);
    let missing = finding(&empty, "topology")["message"].as_str();
    assert!(missing.expect("a message").contains("notifications_queue"));
    assert_eq!(
        definitions(&world).await,
        before,
        "in an empty virtual host"
    );

    for command in commands(finding(&empty, "topology")) {
        follow(&world, &command);
    }
    assert_eq!(severity(&report(&world, &[]), "topology"), "ok");
    let before = definitions(&world).await;
    let other = report(&world, &OTHER_LADDER);
    assert_eq!(severity(&other, "topology"), "error");
    assert_eq!(definitions(&world).await, before, "with another ladder");
}

#[tokio::test]
async fn doctor_reports_drifted_queues_and_dead_letters() {
    let world = World::with(&[("QUORUM_SIZE", "1")]).await;
    let amqp: Amqp = world.declared(&[("QUORUM_SIZE", "3")]).await;
    let letter = AmqpMessage {
        exchange: String::new(),
        routing_key: amqp.settings.names.dlq.clone(),
        ..amqp.to_intake("no notification")
    };
    amqp.publish(letter).await;
    let report = report(&world, &[]);
    for check in ["arguments", "dead-letters"] {
        assert_eq!(severity(&report, check), "warning");
        assert!(finding(&report, check)["remedy"].is_string(), "{report}");
    }
}

#[tokio::test]
async fn doctor_finds_a_missing_binding_and_its_remedy_restores_it() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let vhost = &world.vhost;
    let path = [
        "bindings",
        &vhost.name,
        "e",
        "notifications",
        "q",
        "notifications_queue",
    ];
    let bindings = vhost.management.get(&path).await.expect("the bindings");
    let key = bindings[0]["properties_key"].as_str().expect("a key");
    let path = [&path[..], &[key]].concat();
    vhost.management.delete(&path).await.expect("unbound");

    let broken = report(&world, &[]);
    assert_eq!(severity(&broken, "bindings"), "error");
    for command in commands(finding(&broken, "bindings")) {
        follow(&world, &command);
    }
    let findings = report(&world, &[])["findings"].take();
    let checks: Vec<_> = findings.as_array().expect("findings").iter().collect();
    assert!(
        checks.iter().all(|it| it["check"] != "bindings"),
        "{findings}"
    );
}

#[tokio::test]
async fn doctor_says_what_it_cannot_check_without_the_management_plugin() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let away = [("RABBITMQ_MANAGEMENT_URL", "http://u:hunter2@127.0.0.1:1")];
    let report = report(&world, &away);
    assert_eq!(severity(&report, "topology"), "ok");
    assert_eq!(severity(&report, "management"), "warning");
    assert_eq!(report["errors"], json!(0));
}
