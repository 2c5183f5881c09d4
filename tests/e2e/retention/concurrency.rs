//! Retention beside other work on the same table.

use std::time::Duration;

use tidings_db::notifications::{ClaimRequest, ClaimResult, LeaseToken, claim};
use tidings_db::retention::{Sweep, take_turn};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{ProgramKind, ServerUrls, TestDatabase, World, eventually, secs};
use tokio_util::sync::CancellationToken;

use super::sweep::swept;
use super::{insert, insert_one, settings};

#[tokio::test]
async fn rows_that_another_transaction_has_locked_are_left_for_the_next_sweep() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let locked = insert_one(&db, user, "processed", 200).await;
    insert(&db, user, "processed", 150, 5).await;
    let mut client = db.pool.dedicated_client().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let lock = "SELECT FROM notifications WHERE message_id = $1 FOR KEY SHARE";
    let id = locked.as_uuid();
    transaction.execute(lock, &[&id]).await.expect("locked");
    let rows = [("RETENTION_ROW_DAYS", "100")];
    let first = swept(&db, &rows).await;
    // A reader's lock prevents a deletion, and no change of the payload.
    assert_eq!((first.payloads, first.rows_deleted), (6, 5));
    transaction.commit().await.expect("unlocked");
    assert_eq!(swept(&db, &rows).await.rows_deleted, 1);
}

#[tokio::test]
async fn a_sweep_hinders_no_claim_among_its_rows() {
    const EACH: u32 = 200;
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    // In each chunk of a sweep there are rows to claim.
    for days in 401..411 {
        insert(&db, user, "processed", days, EACH).await;
        insert(&db, user, "pending", days, 20).await;
    }
    let claiming = async {
        let pending = db.message_ids_where("status = 'pending'").await;
        assert_eq!(pending.len(), 200);
        for ids in pending.chunks(10) {
            let requests: Vec<ClaimRequest> = ids
                .iter()
                .map(|id| ClaimRequest {
                    id: MessageId::from(*id),
                    attempt: 0,
                    token: LeaseToken::generate(),
                })
                .collect();
            let claims = db
                .pool
                .run(async |client| {
                    claim(
                        client,
                        DeliveredChannel::Sms,
                        &requests,
                        Duration::from_mins(1),
                    )
                    .await
                })
                .await
                .expect("claims");
            for claimed in claims {
                assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
            }
        }
    };
    let (result, ()) = tokio::join!(swept(&db, &[]), claiming);
    assert_eq!(result.rows_deleted, u64::from(EACH) * 10);
    assert_eq!(db.count("lease_token IS NOT NULL").await, 200);
}

/// Readers see a row as it was or as it is, and never wait.
#[tokio::test]
async fn pages_are_read_during_a_sweep() {
    let world = World::new().await;
    let api = world.api().await;
    insert(&world.database, world.user, "processed", 100, 3000).await;
    let reading = async {
        let client = api.client();
        let mut cursor = String::new();
        let mut read = 0;
        loop {
            let page = client
                .get(&format!("/api/notifications?limit=200{cursor}"))
                .await;
            assert_eq!(page.status, 200, "{}", page.text);
            let rows = page.body["notifications"].as_array().expect("rows");
            for row in rows {
                let erased = row["payload"] == serde_json::json!({});
                assert_eq!(erased, row["payloadRemovedAt"].is_string(), "{row}");
            }
            read += rows.len();
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break read,
            }
        }
    };
    let (result, read) = tokio::join!(swept(&world.database, &[]), reading);
    assert_eq!((result.payloads, read), (3000, 3000));
}

#[tokio::test]
async fn one_process_sweeps_at_a_time() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let take = async |interval| {
        let taken = db
            .pool
            .run(async |client| take_turn(client, interval).await);
        taken.await.expect("the query")
    };
    let mut first = take(secs(0)).await.expect("free");
    assert!(take(secs(0)).await.is_none(), "taken");
    // As if the first process had died.
    super::execute(&db, "UPDATE retention SET lease_until = now()").await;
    let second = take(secs(0)).await.expect("the lease is over");
    // The first one was only slow: it notices, and stops.
    let sweep = Sweep {
        database: &db.pool,
        settings: settings(&[]),
        everything: false,
        dry_run: false,
    };
    let stop = CancellationToken::new();
    let result = sweep
        .run(Some(&mut first), &stop, |_| {})
        .await
        .expect("no error");
    assert!(!result.is_complete);
    let ended = db
        .pool
        .run(async |client| second.end(client, &result, 0, false).await)
        .await;
    ended.expect("ended");
    assert!(
        take(secs(600)).await.is_none(),
        "a sweep has ended just now"
    );
    assert!(take(secs(0)).await.is_some());
}

#[tokio::test]
async fn of_two_schedulers_one_sweeps() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    insert(&world.database, world.user, "processed", 401, 2500).await;
    let scheduler = [("WORKER_CHANNELS", "scheduler")];
    let start = || world.start(ProgramKind::Worker, &scheduler);
    let (one, two) = tokio::join!(start(), start());
    eventually(secs(60), "a sweep has ended", async || {
        let free = "SELECT FROM retention WHERE ended_at IS NOT NULL AND lease_token IS NULL";
        let pool = &world.database.pool;
        let row = pool.run(async |client| Ok(client.query_opt(free, &[]).await?));
        row.await.expect("the query").is_some()
    })
    .await;
    assert_eq!(world.database.count("true").await, 0);
    eventually(
        secs(20),
        "each row was swept by one of them, once",
        async || {
            let (one, two) = tokio::join!(one.metrics(), two.metrics());
            let sum = |name, labels: &[&str]| one.sum(name, labels) + two.sum(name, labels);
            let removed = |what| sum("tidings_retention_removed_total", &[what]);
            [
                sum("tidings_retention_sweeps_total", &[]),
                removed("what=\"payload\""),
                removed("what=\"row\""),
            ] == [1, 2500, 2500]
        },
    )
    .await;
}
