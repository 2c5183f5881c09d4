//! Dead letters and jobs over HTTP, with workers that die.

mod control;
mod kills;
mod queue;

use reqwest::Method;
use serde_json::Value;
use tidings_domain::notification::{MessageId, Notification, UserId};
use tidings_tests::{Amqp, Answer, Client, World, eventually_ok, secs};
use uuid::Uuid;

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::POST, path).json(body))
        .await
}

/// Inserts failed notifications whose copies in the queue are gone.
async fn insert_failed(world: &World, count: u32, kind: &str, payload: &Value, reason: &str) {
    let sql = "INSERT INTO notifications (id, type, payload, status, message_id, created_at, failure_reason, failed_at,
                                          error_message)
               SELECT gen_random_uuid(), $1, $2, 'failed', gen_random_uuid(), now() - interval '1 hour', $3::text,
                      now() - make_interval(secs => n), $3::text || ': told to'
               FROM generate_series(1, $4::integer) AS n";
    let count = i32::try_from(count).expect("few");
    let insert = world.database.pool.run(async |client| {
        Ok(client
            .execute(sql, &[&kind, &payload, &reason, &count])
            .await?)
    });
    insert.await.expect("the rows");
}

/// Publishes notifications for users who do not exist yet.
async fn publish_for_unknown_users(world: &World, amqp: &Amqp, count: usize) -> Vec<UserId> {
    let users: Vec<UserId> = (0..count).map(|_| Uuid::now_v7().into()).collect();
    let messages = users.iter().map(|user| Notification {
        message_id: MessageId::generate(),
        user_id: Some(*user),
        ..world.wire()
    });
    let messages: Vec<_> = messages.map(|one| amqp.intake_of(&one)).collect();
    amqp.publish_all(messages).await;
    users
}

/// Reads all pages.
async fn list(client: &Client, filter: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client
            .get(&format!("/api/dead-letters?limit=100{filter}{cursor}"))
            .await;
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(page.body["deadLetters"].as_array().expect("a list").clone());
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn total(client: &Client) -> usize {
    list(client, "").await.len()
}

async fn until_done(client: &Client, job: &str) -> Value {
    eventually_ok(secs(90), "the job is done", async || {
        let answer = client.get(&format!("/api/jobs/{job}")).await;
        match answer.body["state"].as_str() {
            Some("done") => Ok(answer.body),
            _ => Err(answer.body.to_string()),
        }
    })
    .await
}

async fn column(world: &World, sql: &str) -> Option<String> {
    let read = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)));
    read.await.expect("the query")
}
