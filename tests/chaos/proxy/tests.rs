use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

/// Long enough for bytes that are neither dropped nor delayed to arrive.
const SOON: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(20);

/// A proxy and the server behind it.
struct Network {
    proxy: Proxy,
    server: TcpListener,
}

impl Network {
    async fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = server.local_addr().expect("an address").port();
        Self {
            proxy: Proxy::start(port).await.expect("a proxy"),
            server,
        }
    }

    async fn connect(&self) -> TcpStream {
        let connecting = TcpStream::connect(("127.0.0.1", self.proxy.port()));
        connecting.await.expect("connected")
    }

    /// Returns both ends of a working connection.
    async fn pair(&self) -> (TcpStream, TcpStream) {
        let mut client = self.connect().await;
        let (mut server, _) = self.server.accept().await.expect("accepted");
        send(&mut client, &mut server, b"hello").await;
        send(&mut server, &mut client, b"hello to you").await;
        (client, server)
    }
}

/// Checks that bytes arrive.
async fn send(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).await.expect("sent");
    let mut received = vec![0; bytes.len()];
    let receiving = timeout(LIMIT, to.read_exact(&mut received));
    receiving.await.expect("in time").expect("received");
    assert_eq!(received, bytes);
}

async fn assert_silent(stream: &mut TcpStream) {
    let mut buffer = [0; 16];
    let read = timeout(SOON, stream.read(&mut buffer)).await;
    assert!(read.is_err(), "unexpected data or end of stream: {read:?}");
}

async fn assert_reset(stream: &mut TcpStream) {
    let mut buffer = [0; 16];
    let read = timeout(LIMIT, stream.read(&mut buffer)).await;
    let error = read.expect("in time").expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn bytes_and_the_end_of_a_stream_are_forwarded() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    send(&mut client, &mut server, &vec![7; 300_000]).await;
    client.shutdown().await.expect("ended");
    let mut rest = Vec::new();
    let reading = timeout(LIMIT, server.read_to_end(&mut rest));
    reading.await.expect("in time").expect("the end");
    assert_eq!(rest, b"");
    send(&mut server, &mut client, b"one way is open yet").await;
}

#[tokio::test]
async fn a_reset_by_one_side_reaches_the_other() {
    let network = Network::new().await;
    let (client, mut server) = network.pair().await;
    client.set_zero_linger().expect("set");
    drop(client);
    assert_reset(&mut server).await;
}

#[tokio::test]
async fn a_connection_that_lost_bytes_is_reset_when_the_network_recovers() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    let (mut idle_client, mut idle_server) = network.pair().await;
    network.proxy.set(Conditions::Dropped);
    client.write_all(b"lost").await.expect("sent");
    let mut fresh = network.connect().await;
    for stream in [&mut client, &mut server, &mut fresh, &mut idle_server] {
        assert_silent(stream).await;
    }
    network.proxy.set(Conditions::Normal);
    for stream in [&mut client, &mut server, &mut fresh] {
        assert_reset(stream).await;
    }
    // A connection that lost nothing works on.
    send(&mut idle_client, &mut idle_server, b"still there").await;
}

#[tokio::test]
async fn the_end_of_a_connection_is_dropped_too() {
    let network = Network::new().await;
    let (client, mut server) = network.pair().await;
    network.proxy.set(Conditions::Dropped);
    drop(client);
    assert_silent(&mut server).await;
    network.proxy.set(Conditions::Normal);
    assert_reset(&mut server).await;
}

#[tokio::test]
async fn a_half_open_network_forwards_one_direction_only() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    network.proxy.set(Conditions::HalfOpen(Direction::ToServer));
    client.write_all(b"lost").await.expect("sent");
    assert_silent(&mut server).await;
    send(&mut server, &mut client, b"arrives").await;
    network.proxy.set(Conditions::Normal);
    assert_reset(&mut server).await;
}

#[tokio::test]
async fn a_resetting_network_resets_old_and_new_connections() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    network.proxy.set(Conditions::Reset);
    assert_reset(&mut client).await;
    assert_reset(&mut server).await;
    assert_reset(&mut network.connect().await).await;
    network.proxy.set(Conditions::Normal);
    network.pair().await;
}

#[tokio::test]
async fn delayed_bytes_arrive_late_and_in_order() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    network.proxy.set(Conditions::Delayed(SOON));
    let began = Instant::now();
    client.write_all(b"one ").await.expect("sent");
    send(&mut client, &mut server, b"").await;
    client.write_all(b"two").await.expect("sent");
    let mut received = [0; 7];
    server.read_exact(&mut received).await.expect("received");
    assert_eq!(&received, b"one two");
    assert!(began.elapsed() >= SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_slow_network_limits_the_rate() {
    let network = Network::new().await;
    let (mut client, mut server) = network.pair().await;
    network.proxy.set(Conditions::Slow(2000));
    let began = Instant::now();
    send(&mut client, &mut server, &[7; 1000]).await;
    assert!(began.elapsed() >= SOON, "{:?}", began.elapsed());
    // Bytes in transit follow the new conditions.
    client.write_all(&vec![7; 60_000]).await.expect("sent");
    network.proxy.set(Conditions::Normal);
    let mut received = vec![0; 60_000];
    let receiving = timeout(LIMIT, server.read_exact(&mut received));
    receiving.await.expect("in time").expect("received");
}

#[tokio::test]
async fn a_proxy_without_an_upstream_resets_connections() {
    let network = Network::new().await;
    network.proxy.set_upstream(0);
    assert_reset(&mut network.connect().await).await;
}
