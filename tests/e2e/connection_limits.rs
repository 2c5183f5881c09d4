//! Clients that hold connections, memory or time, beside clients that do not.

use std::io::ErrorKind;

use serde_json::{Value, json};
use tidings_tests::{Program, World, eventually, eventually_ok, secs, tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

async fn connect(api: &Program) -> TcpStream {
    let connecting = TcpStream::connect(("127.0.0.1", api.port()));
    connecting.await.expect("a connection")
}

/// Reads until the API closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = timeout(secs(60), stream.read_to_end(&mut answer));
    // A reset ends the connection too.
    let _ = reading.await.expect("in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// How many connections the API has closed for this reason.
async fn closed(api: &Program, reason: &str) -> u64 {
    let label = format!("reason=\"{reason}\"");
    let scrape = api.metrics().await;
    scrape.sum("tidings_http_connections_closed_total", &[&label])
}

/// The head of a POST, whose body has `length` bytes.
fn post_head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
        tokens::service()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_do_not_keep_out_others() {
    let world = World::with(&[("MAX_CONNECTIONS", "64"), ("API_WORKERS", "2")]).await;
    let api = world.api().await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(connect(&api).await);
    }
    let live = api.client().anonymous().get("/live").await;
    assert_eq!(live.status, 200, "{}", live.text);
    let _ = api.client().post(&world.in_app()).await.accepted();
    assert!(closed(&api, "no_room").await > 300);
    drop(silent);
}

#[tokio::test]
async fn more_connections_than_open_files_are_refused_at_start() {
    let world = World::with(&[("MAX_CONNECTIONS", "1000000")]).await;
    let output = Program::run_to_end(tidings_tests::ProgramKind::Api, &world.settings(&[])).await;
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(
        shown.contains("MAX_CONNECTIONS") && shown.contains("ulimit"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_request_head_that_does_not_end_is_answered_with_408() {
    let world = World::with(&[("REQUEST_HEAD_TIMEOUT_SECS", "1")]).await;
    let api = world.api().await;
    let mut stream = connect(&api).await;
    let request = b"POST /api/notifications HTTP/1.1\r\nHost: loc";
    stream.write_all(request).await.expect("written");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["code"], "request_timeout");
    assert_eq!(closed(&api, "slow_head").await, 1);
}

/// Records rows whose list is a long response.
async fn record_long_rows(world: &World, api: &Program) {
    let _worker = world.worker().await;
    let mut long = world.in_app();
    long["payload"]["text"] = json!("x".repeat(50_000));
    let items = vec![long; 16];
    let answer = api.client().post_batch(&items).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    eventually(secs(20), "all are recorded", async || {
        world.database.count("true").await == 16
    })
    .await;
}

/// Asks for long responses and reads none of them. The receive buffer is small, so that few of them fit into it.
async fn deaf(api: &Program) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address = ([127, 0, 0, 1], api.port()).into();
    let mut stream = socket.connect(address).await.expect("a connection");
    let request = format!(
        "GET /api/notifications HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        tokens::service()
    );
    let requests = request.repeat(16);
    stream
        .write_all(requests.as_bytes())
        .await
        .expect("written");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_read_are_disconnected_and_others_are_served_again() {
    let world = World::with(&[
        ("RESPONSE_TIMEOUT_SECS", "1"),
        ("MAX_RESPONSE_BYTES_IN_FLIGHT", "2097152"),
    ])
    .await;
    let api = world.api().await;
    record_long_rows(&world, &api).await;
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(deaf(&api).await);
    }
    eventually_ok(secs(60), "they are disconnected", async || {
        let count = closed(&api, "response_not_read").await;
        (count > 0).then_some(()).ok_or(count)
    })
    .await;
    eventually_ok(
        secs(60),
        "a good client gets the long response",
        async || {
            let answer = api.client().get("/api/notifications").await;
            match answer.status {
                200 => Ok(()),
                503 => {
                    answer.assert_error(503, "overloaded");
                    Err(answer.text)
                }
                _ => panic!("{}", answer.text),
            }
        },
    )
    .await;
    drop(all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_in_flight_are_limited_and_leave_room_for_small_ones() {
    let world = World::with(&[
        ("MAX_REQUEST_BYTES_IN_FLIGHT", "1048576"),
        ("MAX_BATCH_BODY_BYTES", "786432"),
    ])
    .await;
    let api = world.api().await;
    let path = "/api/notifications/batch";
    let unfinished = [post_head(path, 786_432), " ".repeat(700_000)].concat();
    let send_unfinished = async || {
        let mut slow = connect(&api).await;
        // Fails if the API refuses it meanwhile.
        let _ = slow.write_all(unfinished.as_bytes()).await;
        slow
    };
    let slow = Mutex::new(send_unfinished().await);
    let items = vec![json!({"text": "x".repeat(1000)}); 200];
    eventually_ok(secs(60), "the large body is refused", async || {
        let answer = api.client().post_batch(&items).await;
        if answer.status == 503 {
            answer.assert_error(503, "overloaded");
            assert!(!answer.header("Retry-After").is_empty());
            return Ok(());
        }
        // It has been refused itself if the other body came first, and after 10 s.
        let mut slow = slow.lock().await;
        let read = slow.try_read(&mut [0]);
        if !read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            *slow = send_unfinished().await;
        }
        Err(answer.text)
    })
    .await;
    let _ = api.client().post(&world.in_app()).await.accepted();
    drop(slow);
    eventually_ok(secs(20), "the memory is free again", async || {
        let answer = api.client().post_batch(&items).await;
        (answer.status == 400).then_some(()).ok_or(answer.text)
    })
    .await;
}
