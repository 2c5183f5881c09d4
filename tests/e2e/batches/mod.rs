//! `POST /api/notifications/batch`: many notifications in one request, each with its own result. Outages of the
//! broker are tested in `private_broker`.

mod errors;
mod in_flight;
mod keys;
mod limits;
mod results;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World, eventually_ok, secs};
use uuid::Uuid;

const JSON: &str = "application/json";

/// Returns `count` items with different payloads.
fn numbered(world: &World, count: usize) -> Vec<Value> {
    let item = |number| {
        let mut item = world.in_app();
        item["payload"]["number"] = json!(number);
        item
    };
    (0..count).map(item).collect()
}

fn keyed(mut item: Value, key: &str) -> Value {
    item["idempotencyKey"] = json!(key);
    item
}

/// Returns the ids of a completely accepted batch.
fn accepted(answer: &Answer) -> Vec<Uuid> {
    assert_eq!(answer.status, 202, "{}", answer.text);
    let results = answer.results().into_iter();
    let ids = results.map(|result| result.expect("queued").as_uuid());
    ids.collect()
}

/// Returns the results as texts: `queued`, or the error code of a refused item.
pub(crate) fn result_codes(answer: &Answer) -> Vec<String> {
    let word = |result: Result<_, String>| result.map_or_else(|code| code, |_| "queued".to_owned());
    answer.results().into_iter().map(word).collect()
}

/// Waits until exactly these notifications of the world's user are recorded.
async fn until_recorded(world: &World, ids: impl IntoIterator<Item = Uuid>) {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    eventually_ok(secs(30), "all are recorded, and no other", async || {
        let of_user = format!("user_id = '{}'", world.user);
        let recorded = world.database.message_ids_where(&of_user).await;
        let recorded: BTreeSet<Uuid> = recorded.into_iter().collect();
        (recorded == ids)
            .then_some(())
            .ok_or_else(|| format!("{} of {}", recorded.len(), ids.len()))
    })
    .await;
}

/// Posts this body as a batch.
async fn post_raw(client: &Client, body: String) -> Answer {
    let request = client.request(reqwest::Method::POST, "/api/notifications/batch");
    let request = request.header("Content-Type", JSON).body(body);
    client.send(request).await
}
