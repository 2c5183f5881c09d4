//! Spellings of internal addresses. A listener detects connections to those that are this machine's.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tidings_domain::content::WebhookUrl;
use tidings_settings::Reader;
use tidings_tests::eventually;
use tidings_worker::providers::webhook::{WebhookSender, WebhookSettings};
use tokio::net::{TcpListener, TcpStream};

use super::{LONG, assert_refused, send, sender};

/// Spellings of 127.0.0.0/8.
const LOOPBACK: [&str; 23] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "127.255.255.254",
    "127.8.8.8",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.1",
    "00000000177.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.⓪.⓪.①",
    "%31%32%37.0.0.1",
    "127%2e0%2E0.1",
    "0x7f%2e1",
];

/// Other addresses and names of this machine, its network or its cloud.
const OTHERS: [&str; 62] = [
    "0",
    "0.0.0.0",
    "0x0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:53aa:64c:0:0:80ff:fffe]",
    "[2001:db8::1]",
    "[2001:10::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[100::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "10.0.0.1",
    "012.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "0xc0a80001",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "%6c%6fcalhost",
    "ｌｏｃａｌｈｏｓｔ",
    "localhost.localdomain",
    "ip6-localhost",
    "metadata.google.internal",
    "printer.local",
    "rabbitmq",
];

/// Listens on every address of this machine and records the address of each connection.
pub struct Listener {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    pub async fn start() -> Self {
        let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        // Without IPv6 on this machine, IPv4 is enough.
        let listener = match TcpListener::bind(all).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.expect("a port"),
        };
        let address = listener.local_addr().expect("an address");
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let list = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let local = stream.local_addr().expect("an address");
                let local = local.ip().to_canonical().to_string();
                list.lock().expect("not poisoned").push(local);
            }
        });
        Self { address, seen }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the addresses of all connections so far. Connects to 127.0.0.3 first: connections are accepted in
    /// order, so all earlier ones have been recorded when this one is.
    pub async fn seen(&self) -> Vec<String> {
        const LAST: &str = "127.0.0.3";
        let last = TcpStream::connect((LAST, self.port())).await;
        last.expect("the listener listens");
        let all = || self.seen.lock().expect("not poisoned").clone();
        eventually(LONG, "the last connection is seen", async || {
            all().iter().any(|address| address == LAST)
        })
        .await;
        let mut seen = all();
        seen.retain(|address| address != LAST);
        seen
    }
}

/// Creates a sender like the programs, with the system's resolver.
fn real_sender() -> WebhookSender {
    let mut reader = Reader::from_vars([]);
    let settings = WebhookSettings::read(&mut reader).expect("the defaults");
    WebhookSender::new(&settings, LONG).expect("a sender")
}

#[tokio::test]
async fn every_spelling_of_an_internal_address_is_refused() {
    let (listener, sender) = (Listener::start().await, real_sender());
    for host in LOOPBACK.iter().chain(&OTHERS) {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", listener.port());
            assert_refused(&send(&sender, &url).await, &url);
        }
    }
    assert_eq!(listener.seen().await, [""; 0]);
}

/// Shows that the test above can fail: these spellings do connect to the listener.
#[tokio::test]
async fn the_same_spellings_connect_if_the_address_is_allowed() {
    let (listener, sender) = (
        Listener::start().await,
        sender(&[("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")]),
    );
    for host in LOOPBACK {
        let url = format!("http://{host}:{}/", listener.port());
        send(&sender, &url).await;
    }
    assert_eq!(listener.seen().await.len(), LOOPBACK.len());
}

#[test]
fn an_invalid_url_is_not_a_webhook_address() {
    for wrong in [
        "https://anna@127.0.0.1/",
        "https://example.com:pass@127.0.0.1/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://127.0.0.1.5/",
        "https://256.0.0.1/",
        "https://0x7f.0.0.0.1/",
        "https://exa mple.com/",
        "https://example.com\r\n@127.0.0.1/",
        "https://127.0.0.1%00.example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "https:///",
    ] {
        assert!(wrong.parse::<WebhookUrl>().is_err(), "{wrong:?}");
    }
}
