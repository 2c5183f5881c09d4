//! `Accept: text/csv`.

use std::fs;

use reqwest::Method;
use tidings_tests::{Answer, Client, Program, World, tokens};

use super::fill;

async fn csv(client: &Client, query: &str) -> Answer {
    let path = format!("/api/notifications?order=sent{query}");
    let request = client.request(Method::GET, &path);
    client.send(request.header("Accept", "text/csv")).await
}

/// The lines of a file as cells, without the head.
fn lines(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("Content-Type").starts_with("text/csv"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let head = reader.headers().expect("a head").clone();
    assert_eq!(&head[0], "messageId");
    assert_eq!(&head[9], "cursor");
    let cells = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    let records = reader.records();
    records
        .map(|record| cells(record.expect("a line")))
        .collect()
}

#[tokio::test]
async fn a_file_has_what_the_reader_may_see_and_no_formula() {
    let (world, api) = World::shared().await;
    let (own, other) = (world.database.user().await, world.database.user().await);
    let formula = "=HYPERLINK(\"http://attacker.example\",\"click\")";
    fill(&world, own, "sms", formula, 2).await;
    fill(&world, own, "email", "+1, \"two\"", 1).await;
    fill(&world, other, "sms", "shop", 1).await;
    let reader = tokens::scoped(own, "notifications:read");
    let client = api.client().with_token(reader);
    let answer = csv(&client, "").await;
    // An API that allows pages of other origins names more headers.
    assert!(answer.header("Vary").starts_with("accept"), "{answer:?}");
    let listed = lines(&answer);
    assert_eq!(listed.len(), 3);
    for line in &listed {
        assert_eq!(line[1], own.to_string());
        assert!(!line[4].starts_with(['=', '+']), "{line:?}");
    }
    let senders: Vec<_> = listed.iter().map(|line| line[4].as_str()).collect();
    assert!(
        senders.contains(&format!("'{formula}").as_str()),
        "{senders:?}"
    );
    assert!(senders.contains(&"'+1, \"two\""), "{senders:?}");
    assert!(!answer.text.contains("hello"), "no contents");
    let only = csv(&client, "&type=email&limit=200").await;
    assert_eq!(lines(&only).len(), 1);
    let none = csv(&client, "&type=push").await;
    assert_eq!(lines(&none).len(), 0);
    let head = client.request(Method::HEAD, "/api/notifications?order=sent");
    let head = client.send(head.header("Accept", "text/csv")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let refused = client.request(Method::GET, "/api/notifications");
    let refused = client.send(refused.header("Accept", "text/csv")).await;
    refused.assert_error(400, "invalid_query");
    let forbidden = client.with_token(tokens::scoped(own, "notifications:send"));
    csv(&forbidden, "").await.assert_error(403, "forbidden");
}

/// The most memory that the process has had, in bytes.
fn peak_memory(program: &Program) -> u64 {
    let path = format!("/proc/{}/status", program.pid().as_raw_nonzero());
    let status = fs::read_to_string(path).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|n| n.parse::<u64>().ok()).expect("a size") * 1024
}

#[tokio::test]
async fn a_long_file_ends_at_its_limit_goes_on_by_its_cursor_and_takes_little_memory() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    fill(&world, world.user, "sms", "shop", 100_010).await;
    let _ = csv(&client, "&limit=200").await;
    let before = peak_memory(&api);
    let answer = csv(&client, "").await;
    let grown = peak_memory(&api).saturating_sub(before);
    assert!(answer.text.len() > 15_000_000, "{}", answer.text.len());
    assert!(grown < answer.text.len() as u64 / 2, "{grown} bytes");
    let first = lines(&answer);
    assert_eq!(first.len(), 100_000);
    let cursor = &first.last().expect("a line")[9];
    let second = lines(&csv(&client, &format!("&cursor={cursor}")).await);
    assert_eq!(second.len(), 10);
    let mut times = first.iter().chain(&second).map(|line| &line[8]);
    assert!(times.clone().is_sorted_by(|a, b| a > b));
    assert_eq!(
        times.next_back().map(String::as_str),
        Some("2026-11-01T00:00:00Z")
    );
}
