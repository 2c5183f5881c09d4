//! Several broker addresses, of which some do not respond.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::Value;
use tidings_tests::{ProgramKind, World};

/// `RABBITMQ_URLS` with three nodes: one is down, one accepts connections and never responds, like a frozen node,
/// and the last is the shared broker.
struct BrokerUrls {
    list: String,
    _frozen: TcpListener,
}

impl BrokerUrls {
    fn of(world: &World) -> Self {
        let frozen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = frozen.local_addr().expect("its address").port();
        let vhost = &world.vhost.name;
        let good = world.vhost.url();
        let bad = [1, port].map(|port| format!("amqp://nobody:hunter2@127.0.0.1:{port}/{vhost}"));
        Self {
            list: format!("{},{},{good}", bad[0], bad[1]),
            _frozen: frozen,
        }
    }

    fn settings(&self) -> [(&str, &str); 2] {
        [("RABBITMQ_URL", ""), ("RABBITMQ_URLS", &self.list)]
    }
}

/// Programs try the addresses in random order, so each is started several times.
#[tokio::test]
async fn programs_connect_to_the_node_that_responds() {
    let world = World::new().await;
    let urls = BrokerUrls::of(&world);
    for kind in [
        ProgramKind::Api,
        ProgramKind::Worker,
        ProgramKind::Api,
        ProgramKind::Worker,
    ] {
        // Never ready, if it waited for the node that never responds.
        let mut program = world.start(kind, &urls.settings()).await;
        if kind == ProgramKind::Api {
            let _ = program.client().post(&world.in_app()).await.accepted();
        }
        let log = program.logs().lines().join("\n");
        assert!(!log.contains("hunter2"), "{log}");
        program.stop().await;
    }
}

#[tokio::test]
async fn doctor_reports_nodes_that_do_not_respond() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let urls = BrokerUrls::of(&world);
    let output = world.tidings_with(&urls.settings(), &["--json", "doctor"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{report}");
    let findings = report["findings"].as_array().expect("findings");
    let away = findings
        .iter()
        .filter(|finding| finding["check"] == "rabbitmq-node");
    let severities: Vec<_> = away.map(|finding| finding["severity"].as_str()).collect();
    assert_eq!(severities, [Some("warning"), Some("warning")], "{report}");
    assert!(!report.to_string().contains("hunter2"), "{report}");
}
