//! The report of each response, and of each missing response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;
use tidings_tests::{MockHttpServer, Response};
use tidings_worker::providers::SendOutcome;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::{LONG, TestResolver, send, sender, sender_with};

const LOCAL: (&str, &str) = ("WEBHOOK_ALLOW_NETS", "127.0.0.1");

/// The timeout of a sender that is expected to give up.
const SHORT: Duration = Duration::from_millis(600);

/// Returns the report of a message to a receiver with this response.
async fn report_of(response: Response) -> SendOutcome {
    let receiver = MockHttpServer::start(move |_| response.clone()).await;
    send(&sender(&[LOCAL]), &receiver.url("/")).await
}

/// Returns the report of a sender with the timeout [`SHORT`].
async fn report_after_short_timeout(response: Response) -> SendOutcome {
    let receiver = MockHttpServer::start(move |_| response.clone()).await;
    let sender = sender_with(&[LOCAL], SHORT, &Arc::default());
    let began = Instant::now();
    let report = send(&sender, &receiver.url("/")).await;
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
    report
}

fn rejected(error: &str) -> SendOutcome {
    let error = error.to_owned();
    SendOutcome::Rejected { error }
}

fn failed(error: &str) -> SendOutcome {
    let error = error.to_owned();
    SendOutcome::Failed { error }
}

fn slow_down(secs: Option<u64>, error: &str) -> SendOutcome {
    SendOutcome::Throttled {
        retry_after: secs.map(Duration::from_secs),
        error: error.to_owned(),
    }
}

fn delivered(reference: &str) -> SendOutcome {
    let reference = Some(reference.to_owned());
    SendOutcome::Delivered { reference }
}

#[rstest]
#[case(200, None, delivered("200 OK"))]
#[case(202, Some("9"), delivered("202 Accepted"))]
#[case(302, None, failed("302 Found: redirects are not followed"))]
#[case(400, None, rejected("400 Bad Request: no such order"))]
#[case(401, Some("9"), rejected("401 Unauthorized: no such order"))]
#[case(404, None, rejected("404 Not Found: no such order"))]
#[case(408, None, failed("408 Request Timeout: no such order"))]
#[case(410, None, SendOutcome::AddressGone { error: "410 Gone: no such order".to_owned() })]
#[case(425, None, failed("425 Too Early: no such order"))]
#[case(
    429,
    Some("2"),
    slow_down(Some(2), "429 Too Many Requests: no such order")
)]
#[case(429, None, slow_down(None, "429 Too Many Requests: no such order"))]
#[case(
    429,
    Some("soon"),
    slow_down(None, "429 Too Many Requests: no such order")
)]
#[case(500, Some("9"), failed("500 Internal Server Error: no such order"))]
#[case(
    503,
    Some("9"),
    slow_down(Some(9), "503 Service Unavailable: no such order")
)]
#[case(503, None, failed("503 Service Unavailable: no such order"))]
#[case(503, Some("soon"), failed("503 Service Unavailable: no such order"))]
#[tokio::test]
async fn each_status_has_its_outcome(
    #[case] status: u16,
    #[case] retry_after: Option<&str>,
    #[case] expected: SendOutcome,
) {
    let mut response = Response::status(status).body("no such order\n");
    if let Some(after) = retry_after {
        response = response.header("Retry-After", after);
    }
    assert_eq!(report_of(response).await, expected);
}

/// A response whose header fields are these lines, which end with CRLF.
fn with_headers(lines: &str) -> Response {
    Response::raw(format!(
        "HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok"
    ))
}

#[rstest]
#[case(with_headers(&"Set-Cookie: a=b; path=/\r\n".repeat(120)))]
#[case(with_headers(&"X: y\r\n".repeat(1500)))]
#[case(with_headers("X-Frame-Options : DENY\r\n"))]
#[case(with_headers("X-Folded: one,\r\n two\r\n"))]
#[case(with_headers(" X-Folded: first\r\n"))]
#[case(with_headers("PHP Warning: foreach() on line 7\r\n"))]
#[case(with_headers("Notice without a colon\r\n"))]
#[case(with_headers("X-(Name): value\r\n"))]
#[case(with_headers(": no name\r\n"))]
#[case(with_headers("X-Control: a\u{1}b\r\n"))]
#[case(with_headers("X-Utf8: Größe\r\n"))]
#[case(with_headers(&format!("X-Long: {}\r\n", "x".repeat(100_000))))]
#[case(Response::raw("HTTP/1.1 200 OK\nContent-Length: 0\n\n"))]
#[case(Response::raw("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"))]
#[case(Response::raw(&b"HTTP/1.1 200 Empf\xe4nger\r\nContent-Length: 0\r\n\r\n"[..]))]
#[case(Response::raw("HTTP/1.0 200 OK\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"))]
#[tokio::test]
async fn the_status_line_decides_whatever_follows_it(#[case] response: Response) {
    assert_eq!(report_of(response).await, delivered("200 OK"));
}

/// RELIABILITY.md names these responses.
#[rstest]
#[case(Response::raw("ICY 200 OK\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1  200 OK\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1 200OK\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1 2000 OK\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1 200 O\u{1}K\r\n\r\n"))]
#[case(Response::raw("HTTP/1.1 200 OK"))]
#[case(Response::raw("HTTP/1.1 200 OK\r\nX: y\r\n"))]
#[case(Response::raw("HTTP/1.1 100 Continue\r\n\r\n"))]
#[case(Response::raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))]
#[case(with_headers("Content-Length: 3\r\n"))]
#[case(Response::raw("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"))]
#[case(with_headers("X-Nul: a\0b\r\n"))]
#[case(with_headers("X-Return: a\rb\r\n"))]
#[case(with_headers(&"X: y\r\n".repeat(2500)))]
#[case(with_headers(&format!("X-Long: {}\r\n", "x".repeat(1_000_000))))]
#[tokio::test]
async fn a_response_that_cannot_be_read_leaves_the_outcome_unknown(#[case] response: Response) {
    let report = report_of(response).await;
    assert!(matches!(report, SendOutcome::Unknown { .. }), "{report:?}");
}

#[tokio::test]
async fn a_refusal_with_malformed_header_fields_is_a_refusal() {
    let response = Response::raw(
        "HTTP/1.1 429 Too Many Requests\r\nPHP Warning: on line 7\r\nRetry-After : 7\r\nContent-Length: 0\r\n\r\n",
    );
    let expected = slow_down(Some(7), "429 Too Many Requests");
    assert_eq!(report_of(response).await, expected);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = MockHttpServer::start(|_| Response::status(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = other.url("/internal");
        let answer = Response::status(status).header("Location", &location);
        let receiver = MockHttpServer::start(move |_| answer.clone()).await;
        let sender = sender(&[("WEBHOOK_ALLOW_HOSTS", "127.0.0.1")]);
        let report = send(&sender, &receiver.url("/")).await;
        assert!(matches!(report, SendOutcome::Failed { .. }), "{report:?}");
        assert_eq!(receiver.count(), 1);
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn no_response_leaves_the_outcome_unknown() {
    for response in [Response::silence(), Response::close()] {
        let report = report_after_short_timeout(response).await;
        assert!(matches!(report, SendOutcome::Unknown { .. }), "{report:?}");
    }
}

#[tokio::test]
async fn the_status_decides_even_if_the_body_never_ends() {
    let report = report_after_short_timeout(Response::status(200).head_alone()).await;
    assert_eq!(report, delivered("200 OK"));
    let report = report_after_short_timeout(Response::status(400).head_alone()).await;
    assert_eq!(report, rejected("400 Bad Request"));
    let slow = Response::status(500).body(vec![b'a'; 10_000]).slow_body();
    let report = report_after_short_timeout(slow).await;
    let words = "500 Internal Server Error: aaa";
    assert!(
        matches!(&report, SendOutcome::Failed { error } if error.starts_with(words)),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_success_does_not_wait_for_its_body() {
    let slow = Response::status(200).body(vec![b'a'; 10_000]).slow_body();
    let began = Instant::now();
    assert_eq!(report_of(slow).await, delivered("200 OK"));
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn only_the_start_of_a_huge_body_is_read() {
    let huge = Response::status(422).body(vec![b'x'; 50_000_000]);
    let receiver = MockHttpServer::start(move |_| huge.clone()).await;
    let report = send(&sender(&[LOCAL]), &receiver.url("/")).await;
    let words = format!("422 Unprocessable Entity: {}", "x".repeat(200));
    assert_eq!(report, rejected(&words));
    tidings_tests::eventually(LONG, "the answer is cut short", async || {
        receiver.cut_short() == 1
    })
    .await;
}

/// Returns an address where no program listens.
async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

/// Checks that this is a failure whose error contains neither the URL nor an address.
#[track_caller]
fn assert_failed(report: &SendOutcome) {
    match report {
        SendOutcome::Failed { error } => {
            assert!(!error.is_empty());
            assert!(
                !error.contains("127.0.0.1") && !error.contains("token"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_failed_connection_is_a_failure() {
    let nobody = free_port().await;
    let sender = sender(&[LOCAL]);
    assert_failed(&send(&sender, &format!("http://{nobody}/?token=1")).await);
    assert_failed(&send(&sender, "https://unknown.example.com/?token=1").await);
}

#[tokio::test]
async fn an_endless_dns_lookup_fails_before_the_timeout() {
    let resolver = TestResolver::with("slow.example.com", &[]);
    let sender = sender_with(&[], SHORT, &resolver);
    assert_failed(&send(&sender, "https://slow.example.com/?token=1").await);
}

#[tokio::test]
async fn nothing_is_sent_to_a_receiver_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let report = send(&sender(&[LOCAL]), &format!("https://{address}/?token=1")).await;
    assert_failed(&report);
    answering.await.expect("it was connected to");
}
