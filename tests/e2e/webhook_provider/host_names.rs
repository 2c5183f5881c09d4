//! Names that resolve to internal addresses, at first or later. Here 127.0.0.2 represents the public internet: it is
//! allowed, and 127.0.0.1 is not.

use std::sync::Arc;

use tidings_tests::{MockHttpServer, Response};
use tidings_worker::providers::SendOutcome;

use super::internal_addresses::Listener;
use super::{LONG, TestResolver, assert_refused, send, sender_with};

const ALLOWED: (&str, &str) = ("WEBHOOK_ALLOW_NETS", "127.0.0.2");

/// Sends `times` messages. Returns the reports and the numbers of connections to 127.0.0.2 and to 127.0.0.1.
async fn sent(name: &str, answers: &[&[&str]], times: usize) -> (Vec<SendOutcome>, [usize; 2]) {
    let listener = Listener::start().await;
    let resolver = TestResolver::with(name, answers);
    let sender = sender_with(&[ALLOWED], LONG, &resolver);
    let url = format!("https://{name}:{}/", listener.port());
    let mut reports = Vec::new();
    for _ in 0..times {
        reports.push(send(&sender, &url).await);
    }
    assert_eq!(resolver.lookups(), times, "one lookup for each connection");
    let seen = listener.seen().await;
    let to = |address: &str| seen.iter().filter(|seen| **seen == address).count();
    (reports, [to("127.0.0.2"), to("127.0.0.1")])
}

#[tokio::test]
async fn names_with_only_internal_addresses_are_refused() {
    let (listener, resolver) = (Listener::start().await, Arc::new(TestResolver::default()));
    let sender = sender_with(&[ALLOWED], LONG, &resolver);
    let addresses = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1",
    ];
    for (number, address) in addresses.into_iter().enumerate() {
        let (alone, among) = (
            format!("alone-{number}.example.com"),
            format!("among-{number}.example.com"),
        );
        resolver.add(&alone, &[&[address]]);
        resolver.add(&among, &[&["127.0.0.1", address, "::1"]]);
        for name in [alone, among] {
            let url = format!("https://{name}:{}/", listener.port());
            assert_refused(&send(&sender, &url).await, address);
        }
    }
    assert_eq!(resolver.lookups(), 2 * addresses.len());
    assert_eq!(listener.seen().await, [""; 0]);
}

#[tokio::test]
async fn dns_rebinding_to_an_internal_address_is_refused() {
    let name = "rebind.example.com";
    let answers: [&[&str]; 3] = [&["127.0.0.2"], &["127.0.0.1"], &["::ffff:127.0.0.1"]];
    let (reports, connections) = sent(name, &answers, 3).await;
    // The listener has no TLS.
    assert!(
        matches!(reports[0], SendOutcome::Failed { .. }),
        "{:?}",
        reports[0]
    );
    assert_refused(&reports[1], "the second answer");
    assert_refused(&reports[2], "the third answer");
    assert_eq!(connections, [1, 0]);
}

#[tokio::test]
async fn only_the_allowed_addresses_of_a_name_are_connected_to() {
    let name = "mixed.example.com";
    for answer in [
        ["127.0.0.1", "127.0.0.2"],
        ["127.0.0.2", "127.0.0.1"],
        ["::1", "127.0.0.2"],
    ] {
        let (reports, connections) = sent(name, &[&answer], 1).await;
        assert!(
            matches!(reports[0], SendOutcome::Failed { .. }),
            "{:?}",
            reports[0]
        );
        assert_eq!(connections, [1, 0], "{answer:?}");
    }
}

#[tokio::test]
async fn an_allowed_host_allows_no_other_name_or_port() {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let port = receiver.port();
    let resolver = Arc::new(TestResolver::default());
    resolver.add("hooks.corp", &[&["127.0.0.1"]]);
    resolver.add("other.corp", &[&["127.0.0.1"]]);
    resolver.add("www.example.com", &[&["127.0.0.1"]]);
    let allowed = format!("hooks.corp:{port}");
    let sender = sender_with(&[("WEBHOOK_ALLOW_HOSTS", &allowed)], LONG, &resolver);
    let url = |host: &str| format!("http://{host}:{port}/");

    let report = send(&sender, &url("hooks.corp")).await;
    assert!(
        matches!(report, SendOutcome::Delivered { .. }),
        "{report:?}"
    );
    for refused in [
        url("other.corp"),
        url("www.example.com"),
        format!("https://www.example.com:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        "http://hooks.corp/".to_owned(),
        "https://hooks.corp/".to_owned(),
    ] {
        assert_refused(&send(&sender, &refused).await, &refused);
    }
    assert_eq!((receiver.count(), receiver.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_is_reused_only_for_its_own_name() {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let port = receiver.port();
    let resolver = Arc::new(TestResolver::default());
    resolver.add("a.corp", &[&["127.0.0.1"]]);
    resolver.add("b.corp", &[&["127.0.0.1"]]);
    let sender = sender_with(&[("WEBHOOK_ALLOW_HOSTS", "a.corp,b.corp")], LONG, &resolver);
    for (name, connections) in [("a.corp", 1), ("a.corp", 1), ("b.corp", 2), ("a.corp", 2)] {
        let report = send(&sender, &format!("http://{name}:{port}/")).await;
        assert!(
            matches!(report, SendOutcome::Delivered { .. }),
            "{report:?}"
        );
        assert_eq!(receiver.connections(), connections, "{name}");
    }
}
