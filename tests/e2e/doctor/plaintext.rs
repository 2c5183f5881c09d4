use tidings_tests::World;

use super::{finding, report};

/// 0.0.0.0 reaches this machine, but is no address of the loopback interface.
#[tokio::test]
async fn doctor_names_the_unencrypted_connections_that_a_setting_allows() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let broker = world.vhost.url().replace("127.0.0.1", "0.0.0.0");
    let production = [
        ("APP_ENV", "production"),
        ("RABBITMQ_URL", broker.as_str()),
        ("ALLOW_PLAINTEXT", "broker"),
    ];
    let allowed = report(&world, &production);
    let found = finding(&allowed, "plaintext");
    assert_eq!(found["severity"], "warning", "{found}");
    let message = found["message"].as_str().expect("a message");
    assert!(
        message.contains("RABBITMQ_URL") && message.contains("0.0.0.0"),
        "{message}"
    );
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(
        remedy.contains("amqps://") && remedy.contains("remove broker from ALLOW_PLAINTEXT"),
        "{remedy}"
    );
    // Without the permission it is a mistake in the settings.
    let refused = report(&world, &production[..2]);
    let findings = refused["findings"].as_array().expect("findings");
    let mistake = findings.iter().find(|it| it["check"] == "settings");
    assert_eq!(mistake.expect("a mistake")["severity"], "error");
}
