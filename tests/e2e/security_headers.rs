//! The headers that protect a browser.

use tidings_tests::{Answer, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn assert_protected(answer: &Answer, path: &str) {
    assert_eq!(answer.header("X-Content-Type-Options"), "nosniff", "{path}");
    assert_eq!(answer.header("Referrer-Policy"), "no-referrer", "{path}");
}

#[tokio::test]
async fn every_response_of_the_api_tells_browsers_and_caches_what_they_may_do() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let accepted = client.post(&world.in_app()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let refused = client.post_raw("application/json", "{").await;
    let anonymous = client.anonymous().get("/api/notifications").await;
    assert_eq!((refused.status, anonymous.status), (400, 401));
    for (answer, path) in [
        (accepted, "POST"),
        (refused, "POST {"),
        (anonymous, "without a token"),
        (client.get("/api/notifications").await, "list"),
        (client.get("/nothing").await, "nothing"),
        (client.get("/health").await, "health"),
        (client.get("/metrics").await, "metrics"),
    ] {
        assert_protected(&answer, path);
        assert_eq!(answer.header("Cache-Control"), "no-store", "{path}");
        let policy = answer.header("Content-Security-Policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn the_documentation_may_load_its_own_files_only() {
    let (_world, api) = World::shared().await;
    let page = api.client().anonymous().get("/docs/").await;
    assert_eq!(page.status, 200);
    assert_protected(&page, "/docs/");
    let policy = page.header("Content-Security-Policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    // The policy forbids scripts in the page.
    for script in page.text.split("<script").skip(1) {
        let (attributes, rest) = script.split_once('>').expect("a tag");
        assert!(attributes.contains("src="), "{attributes}");
        let (content, _) = rest.split_once("</script>").expect("its end");
        assert_eq!(content.trim(), "");
    }
}

#[tokio::test]
async fn the_probes_of_the_worker_are_protected_too() {
    let world = World::new().await;
    let worker = world.worker().await;
    for path in ["/health", "/metrics", "/nothing"] {
        let answer = worker.client().anonymous().get(path).await;
        assert_protected(&answer, path);
    }
    let answer = raw(worker.port(), b"nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\"code\":\"invalid_request\""), "{answer}");
}

/// Sends bytes and returns the response.
async fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    stream.write_all(bytes).await.expect("written");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("a response");
    answer
}

#[tokio::test]
async fn what_is_not_http_is_refused_in_the_common_shape() {
    let world = World::new().await;
    let api = world.api().await;
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    for (bytes, status, code) in [
        (
            b"nonsense\r\n\r\n".as_slice(),
            "400 Bad Request",
            "malformed_http",
        ),
        (
            b"GET / HTTP/1.1\r\nBroken header\r\n\r\n",
            "400 Bad Request",
            "malformed_http",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            "400 Bad Request",
            "malformed_http",
        ),
        (
            large.as_bytes(),
            "431 Request Header Fields Too Large",
            "request_head_too_large",
        ),
    ] {
        let answer = raw(api.port(), bytes).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], code);
        assert_eq!(body["error"], status.split_once(' ').expect("two words").1);
        for member in ["message", "details", "requestId"] {
            assert!(body.get(member).is_some(), "{member}: {body}");
        }
    }
}
