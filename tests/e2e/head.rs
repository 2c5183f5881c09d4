//! `HEAD` answers like `GET`, without the body (RFC 9110 §9.3.2).

use reqwest::Method;
use tidings_tests::{Answer, Client, World, tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What these answer has figures that change between two requests, such as how long the program
/// runs: their lengths need not agree.
const OF_THE_MOMENT: [&str; 7] = [
    "/health",
    "/ready",
    "/metrics",
    "/api/stats",
    "/api/stats/queues",
    "/api/overview",
    "/api/channels",
];

/// Replaces the parameters of a path in the OpenAPI document.
fn filled(world: &World, pattern: &str) -> String {
    let mut path = pattern.replace("{userId}", &world.user.to_string());
    for (parameter, value) in [
        ("{messageId}", "550e8400-e29b-41d4-a716-446655440000"),
        ("{id}", "550e8400-e29b-41d4-a716-446655440000"),
        ("{name}", "welcome"),
        ("{channel}", "email"),
        ("{locale}", "default"),
        ("{version}", "1"),
        ("{token}", "AQE"),
        ("{link}", "AQE"),
    ] {
        path = path.replace(parameter, value);
    }
    assert!(!path.contains('{'), "{pattern} has an unknown parameter");
    path
}

/// Sends `HEAD` between two `GET`s with the same response: other tests change lists meanwhile.
async fn head_and_get(client: &Client, path: &str) -> [Answer; 2] {
    for _ in 0..20 {
        let before = client.get(path).await;
        let head = client.send(client.request(Method::HEAD, path)).await;
        let after = client.get(path).await;
        let is_same = |before: &Answer| before.text.len() == after.text.len();
        if OF_THE_MOMENT.contains(&path) || is_same(&before) {
            return [head, after];
        }
    }
    panic!("{path} answers each GET differently");
}

async fn assert_head_answers_like_get(client: &Client, path: &str) {
    let [head, get] = head_and_get(client, path).await;
    assert!(!get.text.contains("nothing at this path"), "{path}");
    assert_eq!(head.status, get.status, "{path}");
    assert_eq!(head.text, "", "{path}");
    let names = |answer: &Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&head), names(&get), "{path}");
    for name in ["Content-Type", "Content-Encoding", "Allow", "Location"] {
        assert_eq!(head.header(name), get.header(name), "{path}: {name}");
    }
    let [head, get] = [&head, &get].map(|answer| answer.header("Content-Length"));
    if OF_THE_MOMENT.contains(&path) {
        assert_eq!(head.is_empty(), get.is_empty(), "{path}");
    } else {
        assert_eq!(head, get, "{path}");
    }
}

#[tokio::test]
async fn head_answers_like_get_on_every_path_of_the_api() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let document = client.get("/api/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths");
    let readable = paths
        .iter()
        .filter(|(_, operations)| operations["get"].is_object());
    let mut paths: Vec<_> = readable
        .map(|(pattern, _)| filled(&world, pattern))
        .collect();
    assert!(paths.len() > 10, "{paths:?}");
    paths.extend(
        [
            "/api/openapi.json",
            "/docs",
            "/docs/",
            "/docs/swagger-ui.css",
            "/docs/swagger-initializer.js",
            "/docs/nothing",
        ]
        .map(str::to_owned),
    );
    for path in ["/health", "/ready", "/live", "/metrics"] {
        assert!(paths.iter().any(|known| known == path), "{path}");
    }
    for path in &paths {
        assert_head_answers_like_get(&client, path).await;
    }
    // Errors too.
    for path in ["/api/notifications", "/api/notifications/x"] {
        assert_head_answers_like_get(&client.anonymous(), path).await;
    }
}

#[tokio::test]
async fn head_answers_like_get_on_every_path_of_the_worker() {
    let world = World::new().await;
    let worker = world.worker().await;
    for path in ["/health", "/ready", "/live", "/metrics", "/nothing"] {
        assert_head_answers_like_get(&worker.client().anonymous(), path).await;
    }
}

#[tokio::test]
async fn nothing_follows_the_head_of_a_response_to_head() {
    let world = World::new().await;
    let api = world.api().await;
    let token = tokens::service();
    for path in ["/docs/", "/live", "/api/notifications", "/api/nothing"] {
        let request = format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", api.port()))
            .await
            .expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("a response");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, "", "{path}: {answer}");
    }
}
