//! Errors of the framework have the common error shape as well.

use std::fmt::Write as _;

use reqwest::Method;
use tidings_tests::{World, tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_unknown_path_is_a_404() {
    let (world, api) = World::shared().await;
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/api/notifications/a/b",
        "/%ff",
        "/api/notifications/",
    ] {
        let answer = api.client().get(path).await;
        answer.assert_error(404, "not_found");
        let names_slash = answer.text.contains("leave out the slash at its end");
        assert_eq!(names_slash, path.ends_with('/'), "{path}: {}", answer.text);
    }
    let client = api.client();
    let post = client.request(Method::POST, "/api/notifications/");
    let answer = client.send(post.json(&world.in_app())).await;
    answer.assert_error(404, "not_found");
    assert!(
        answer.text.contains("leave out the slash"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_names_the_right_ones() {
    let (_world, api) = World::shared().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/notifications", "POST"),
        (Method::PATCH, "/api/notifications", "DELETE, GET"),
        (Method::GET, "/api/notifications/batch", "POST"),
        (Method::POST, "/health", "GET"),
        (Method::POST, "/docs/", "GET, HEAD"),
        // Without `Origin`, this asks for no permission of a page.
        (
            Method::OPTIONS,
            "/api/notifications",
            "DELETE, GET, HEAD, POST",
        ),
        (Method::OPTIONS, "/live", "GET, HEAD"),
        (
            Method::PUT,
            "/api/notifications/550e8400-e29b-41d4-a716-446655440000",
            "DELETE, GET, HEAD, PATCH",
        ),
    ] {
        let client = api.client();
        let answer = client.send(client.request(method, path)).await;
        answer.assert_error(405, "method_not_allowed");
        let allow = answer.header("Allow");
        assert!(allow.contains(allowed), "{path}: {allow:?}");
    }
}

#[tokio::test]
async fn an_invalid_id_is_a_client_error() {
    let (_world, api) = World::shared().await;
    for id in [
        "17",
        "not-a-uuid",
        "%00",
        "550e8400-e29b-41d4-a716-44665544000g",
    ] {
        let answer = api.client().get(&format!("/api/notifications/{id}")).await;
        assert!([400, 404].contains(&answer.status), "{id}: {}", answer.text);
        answer.assert_error_shape();
    }
}

#[tokio::test]
async fn invalid_query_parameters_are_named() {
    let (_world, api) = World::shared().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("status=lost", "status"),
        ("type=pigeon", "type"),
        ("targetUserId=me", "targetUserId"),
        ("cursor=nonsense", "cursor"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = api
            .client()
            .get(&format!("/api/notifications?{query}"))
            .await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        answer.assert_error_shape();
        assert_eq!(answer.fields(), [field], "{query}");
    }
    let answer = api
        .client()
        .get("/api/notifications?limit=0&status=lost&type=x")
        .await;
    assert_eq!(answer.fields(), ["limit", "status", "type"]);
}

#[tokio::test]
async fn a_body_may_begin_with_a_byte_order_mark_and_is_never_in_utf_16() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let body = world.in_app().to_string();
    let marked = format!("\u{feff}{body}");
    let answer = client.post_raw("application/json", marked).await;
    let _ = answer.accepted();
    let batch = format!("\u{feff}{{\"notifications\": [{body}]}}");
    let request = client.request(Method::POST, "/api/notifications/batch");
    let request = request.header("Content-Type", "application/json");
    let answer = client.send(request.body(batch)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let units = "\u{feff}".encode_utf16().chain(body.encode_utf16());
        let wide: Vec<u8> = units.flat_map(to_bytes).collect();
        let answer = client.post_raw("application/json", wide).await;
        answer.assert_error(400, "invalid_json");
        assert!(answer.text.contains("must be in UTF-8"), "{}", answer.text);
    }
}

#[tokio::test]
async fn every_response_has_its_own_request_id() {
    let (_world, api) = World::shared().await;
    let one = api.client().get("/api/nothing").await;
    let two = api.client().get("/api/nothing").await;
    assert_ne!(one.body["requestId"], two.body["requestId"]);
}

/// A body without a length is counted while it is read.
#[tokio::test]
async fn a_chunked_body_is_refused_once_it_is_too_large() {
    let world = World::with(&[("MAX_BODY_BYTES", "2000")]).await;
    let api = world.api().await;
    let mut request = format!(
        "POST /api/notifications HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        tokens::service()
    );
    for _ in 0..10 {
        write!(request, "12c\r\n{}\r\n", " ".repeat(300)).expect("memory");
    }
    request.push_str("0\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", api.port()))
        .await
        .expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is taken");
    let mut answer = String::new();
    // The end may be a reset, because the server need not read the rest of a refused body.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains("\"code\":\"payload_too_large\""),
        "{answer}"
    );
}
