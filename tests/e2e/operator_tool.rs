//! The tool `tidings`, without its commands for dead letters.

use serde_json::Value;
use tidings_tests::World;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no finding {check} in {report}"))
}

#[tokio::test]
async fn doctor_reports_no_problem_in_a_healthy_installation() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let output = world.tidings(&["--json", "doctor"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["errors"], 0);
}

#[tokio::test]
async fn doctor_reports_drifted_queues_dead_letters_and_unreachable_servers() {
    let world = World::with(&[("QUORUM_SIZE", "1")]).await;
    let amqp = world.declared(&[("QUORUM_SIZE", "3")]).await;
    let mut letter = amqp.to_intake("no notification");
    (letter.exchange, letter.routing_key) = (String::new(), amqp.settings.names.dlq.clone());
    amqp.publish(letter).await;
    let report = json(&world.tidings(&["--json", "doctor"]));
    for check in ["topology", "dead-letters"] {
        let finding = finding(&report, check);
        assert_eq!(finding["severity"], "warning");
        assert!(finding["remedy"].is_string(), "{finding}");
    }

    let away = World::with(&[("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/none")]).await;
    let output = away.tidings(&["--json", "doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("\"error\"") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn tokens_are_issued_only_in_development() {
    let world = World::new().await;
    let api = world.api().await;
    let token = world.tidings(&["token", "--scope", "notifications:send"]);
    let token = String::from_utf8(token.stdout).expect("UTF-8");
    assert_eq!(token.lines().count(), 1, "the token and nothing else");
    let client = api.client().with_token(token.trim());
    let answer = client.post(&world.in_app()).await;
    answer.assert_error(403, "forbidden");

    let production = World::with(&[("APP_ENV", "production")]).await;
    let refused = production.tidings(&["token"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
}

#[tokio::test]
async fn topology_is_declared_and_printed() {
    let world = World::new().await;
    let printed = json(&world.tidings(&["--json", "topology"]));
    let queues = printed["queues"].as_array().expect("queues");
    assert!(
        queues
            .iter()
            .any(|queue| queue["name"] == "notifications_dlq"),
        "{printed}"
    );
    assert_eq!(
        world.amqp().await.intake_depth().await,
        0,
        "the queue exists"
    );
}
