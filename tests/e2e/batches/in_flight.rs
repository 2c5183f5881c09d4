use rstest::rstest;
use serde_json::{Value, json};
use tidings_tests::{World, eventually, eventually_ok, secs, tokens};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{JSON, accepted, numbered};

/// Posts several batches concurrently, each far larger than the limit, so that they wait for permits in turn.
#[rstest]
#[case("10", 1000)]
#[case("1", 200)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_may_exceed_the_publish_in_flight_limit(
    #[case] in_flight: &str,
    #[case] count: usize,
) {
    let settings = [
        ("PUBLISH_MAX_IN_FLIGHT", in_flight),
        ("PUBLISH_TIMEOUT_MS", "60000"),
        ("ACCEPT_WITHOUT_BROKER", "false"),
    ];
    let world = World::with(&settings).await;
    let api = world.api().await;
    let client = api.client();
    let (large, small) = (numbered(&world, count), numbered(&world, 20));
    let alone = world.in_app();
    let (one, two, three, single) = tokio::join!(
        client.post_batch(&large),
        client.post_batch(&large),
        client.post_batch(&small),
        client.post(&alone),
    );
    let _ = single.accepted();
    for (answer, all) in [(one, count), (two, count), (three, 20)] {
        assert_eq!(accepted(&answer).len(), all);
    }
    let depth = world.amqp().await.intake_depth().await;
    assert_eq!(usize::try_from(depth), Ok(2 * count + 21));
}

/// Posts a batch and disconnects as soon as its first message is in the queue.
async fn post_and_disconnect(world: &World, port: u16, items: &[Value]) {
    let amqp = world.amqp().await;
    let before = amqp.intake_depth().await;
    let body = json!({"notifications": items}).to_string();
    let request = format!(
        "POST /api/notifications/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n\
         Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        tokens::service(),
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is taken");
    eventually_ok(secs(30), "it has begun", async || {
        let depth = amqp.intake_depth().await - before;
        (depth > 0).then_some(()).ok_or(depth)
    })
    .await;
    // A reset: after a clean end of its stream, the client might still wait for the response.
    stream.set_zero_linger().expect("an open connection");
}

/// With one permit, a batch takes so long that its client disconnects before its end, and a leaked permit would
/// block all publishing.
#[tokio::test]
async fn a_batch_whose_client_disconnects_is_published_completely_and_leaks_no_permit() {
    let settings = [
        ("PUBLISH_MAX_IN_FLIGHT", "1"),
        ("PUBLISH_TIMEOUT_MS", "60000"),
        ("ACCEPT_WITHOUT_BROKER", "false"),
    ];
    let world = World::with(&settings).await;
    let mut api = world.api().await;
    let items = numbered(&world, 500);
    let amqp = world.amqp().await;
    for round in 1..=2 {
        post_and_disconnect(&world, api.port(), &items).await;
        eventually_ok(secs(60), "the batch goes on to its end", async || {
            let depth = amqp.intake_depth().await;
            (depth == 500 * round).then_some(()).ok_or(depth)
        })
        .await;
    }
    let client = api.client();
    assert_eq!(accepted(&client.post_batch(&items[..10]).await).len(), 10);
    let _ = client.post(&items[0]).await.accepted();
    let answered = || api.logs().with_message("batch answered").len();
    eventually(secs(10), "the log says so", async || answered() > 0).await;
    assert_eq!(answered(), 1, "the other clients had disconnected");
    api.stop().await;
}
