//! 100,000 keys.

use std::fs;
use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use tidings_tests::{Program, World, eventually, secs};

use super::{KEYS, create, send};

const COUNT: u32 = 100_000;

/// The memory of a program, in KiB.
fn resident(program: &Program) -> i64 {
    let pid = program.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("VmRSS").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_keys_need_little_memory_and_work_soon_after_a_start() {
    let world = World::new().await;
    let mut api = world.api().await;
    let client = api.client();
    let key = create(&client, &["keys:write"]).await;
    assert_eq!(client.with_token(&key.text).get(KEYS).await.status, 200);
    let without = resident(&api);
    let sql = format!(
        "INSERT INTO api_keys (id, name, hash, previous_hash, previous_until, scopes, created_by)
         SELECT lpad(i::text, 10, '0'), 'key ' || i, sha256(int4send(i)), sha256(int4send(-i)), now() + interval '1 day',
                '{{notifications:send:any,dashboard}}', 'tests'
         FROM generate_series(1, {COUNT}) AS i"
    );
    let inserted = world
        .database
        .pool
        .run(async |client| Ok(client.batch_execute(&sql).await?));
    inserted.await.expect("inserted");
    let all = u64::from(COUNT) + 1;
    let known = async || api.metrics().await.sum("tidings_api_keys", &[]) == all;
    eventually(secs(30), "the process knows all keys", known).await;
    let more = resident(&api) - without;
    assert!(more <= 64 * 1024, "{more} KiB more");
    let body = json!({"name": "one too many", "scopes": ["dashboard"]});
    send(&client, Method::POST, KEYS, &body)
        .await
        .assert_error(409, "too_many_keys");

    api.stop().await;
    api.start_again().await;
    let start = Instant::now();
    let answer = client.with_token(&key.text).get("/api/keys?limit=1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(start.elapsed() < secs(3), "{:?}", start.elapsed());
    let known = async || api.metrics().await.sum("tidings_api_keys", &[]) == all;
    eventually(secs(30), "the new process knows all keys", known).await;
    // A complete read holds the rows and the keys.
    let whole = resident(&api);
    println!("{more} KiB more by changes; {whole} KiB after a start, {without} KiB without keys");
    assert!(
        whole - without <= 64 * 1024,
        "{whole} KiB instead of {without} KiB"
    );
}
