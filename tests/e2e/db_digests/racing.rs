use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings_db::digests::{self, CloseResult};
use tidings_db::notifications;
use tidings_domain::notification::MessageId;
use tidings_domain::time::Timezone;
use tokio::sync::Semaphore;

use super::Table;

const ADDERS: usize = 200;

/// The row lock of a digest decides whether an item is in this one or in the next one.
#[tokio::test]
async fn each_item_of_many_adders_is_in_exactly_one_digest() {
    let table = Table::with(&json!({"mode": "window", "windowSecs": 86400, "maxItems": 7})).await;
    // Others than the closers use the pool too.
    let connections = Arc::new(Semaphore::new(6));
    let left = Arc::new(AtomicUsize::new(ADDERS));
    let mut adders = Vec::new();
    for _ in 0..ADDERS {
        let item = table.notification();
        let (pool, connections, left) = (
            table.db.pool.clone(),
            Arc::clone(&connections),
            Arc::clone(&left),
        );
        adders.push(tokio::spawn(async move {
            let _connection = connections.acquire().await.expect("not closed");
            let utc = Timezone::default();
            let recorded = notifications::record_by_intake(&pool, vec![&item], &utc).await;
            recorded.expect("recorded");
            left.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    let closer = async || {
        let (mut sent, mut single) = (0, 0);
        loop {
            let is_last = left.load(Ordering::SeqCst) == 0;
            let due = digests::due(&*table.client, 10).await.expect("the query");
            for id in &due {
                match table.close(*id).await {
                    CloseResult::Sent(items) => sent += items,
                    CloseResult::Single => single += 1,
                    CloseResult::Closed => {}
                    other => panic!("{other:?}"),
                }
            }
            if is_last && due.is_empty() {
                return (sent, single);
            }
            tokio::task::yield_now().await;
        }
    };
    // Two schedulers.
    let (first, second) = tokio::join!(closer(), closer());
    for adder in adders {
        adder.await.expect("no panic");
    }
    // The last one may not be full.
    table.let_all_close().await;
    let mut sent = first.0 + second.0;
    let mut single = first.1 + second.1;
    for digest in table.digests().await {
        match table.close(digest.id).await {
            CloseResult::Sent(items) => sent += items,
            CloseResult::Single => single += 1,
            CloseResult::Closed => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sent + single, ADDERS);

    let mut total = 0;
    for digest in table.digests().await {
        assert_eq!(digest.status, "sent", "{digest:?}");
        let id = digest.message_id.expect("a message");
        let in_it = async |state: &str| {
            let condition = format!("digest_id = '{}' AND {state}", digest.id);
            table.db.count(&condition).await
        };
        let items = if id == MessageId::for_digest(digest.id) {
            let payload: Value = serde_json::from_str(&table.row(id).await.payload).expect("JSON");
            for item in payload["items"].as_array().expect("a list") {
                let id = serde_json::from_value(item["messageId"].clone()).expect("an id");
                assert_eq!(table.row(id).await.digest_id, Some(digest.id));
            }
            assert_eq!(payload["total"], digest.items);
            in_it("status = 'digested'").await
        } else {
            in_it("status = 'scheduled' AND not_before IS NOT NULL").await
        };
        assert_eq!(items, i64::from(digest.items), "{digest:?}");
        total += items;
    }
    // A row is in one digest at most.
    assert_eq!(usize::try_from(total).expect("a number"), ADDERS);
    let items = "digest_id IS NOT NULL AND sender = 'orders'";
    assert_eq!(table.db.count(items).await, total);
    let waiting = "status = 'scheduled' AND not_before IS NULL";
    assert_eq!(table.db.count(waiting).await, 0);
}
