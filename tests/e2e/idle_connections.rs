//! Clients keep idle connections, and may post on one at any time.

use tidings_tests::{World, secs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn an_idle_connection_gets_no_response_and_stays_usable() {
    let world = World::new().await;
    let api = world.api().await;
    let connecting = TcpStream::connect(("127.0.0.1", api.port()));
    let mut stream = connecting.await.expect("a connection");
    let mut received = [0; 1024];
    // The time is what this tests: actix-web closes a connection without a request after 5 s unless the API sets a
    // longer limit, and the absence of a response has no event.
    let early = timeout(secs(7), stream.read(&mut received)).await;
    assert!(early.is_err(), "a response without a request: {early:?}");

    let request = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream
        .write_all(request)
        .await
        .expect("the request is taken");
    let mut answer = String::new();
    let reading = timeout(secs(20), stream.read_to_string(&mut answer));
    reading.await.expect("in time").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
