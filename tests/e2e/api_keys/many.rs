//! Many keys. `./dev bench access` measures what 100,000 of them take.

use tidings_tests::{World, eventually, secs};

use super::{KEYS, create};

const COUNT: u32 = 5000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_keys_are_read_after_a_change_and_after_a_start() {
    let world = World::new().await;
    let mut api = world.api().await;
    let client = api.client();
    let key = create(&client, &["keys:write"]).await;
    assert_eq!(client.with_token(&key.text).get(KEYS).await.status, 200);
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
    eventually(secs(60), "the process knows all keys", known).await;

    api.stop().await;
    api.start_again().await;
    let known = async || api.metrics().await.sum("tidings_api_keys", &[]) == all;
    eventually(secs(60), "the new process knows all keys", known).await;
    let answer = client.with_token(&key.text).get("/api/keys?limit=1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
