use jiff::Timestamp;
use tidings_db::notifications::{self, ClaimEndResult, ClaimResult};
use tidings_domain::decision::HoldReason;
use tidings_domain::notification::Channel;
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{eventually, secs};

use super::{HOUR, LEASE, Table, expiring};

/// The message may arrive before the scheduler has made the row pending.
#[tokio::test]
async fn a_message_may_claim_a_row_that_is_due_or_under_a_release() {
    let table = Table::new().await;
    for update in [
        "release_until = NULL",
        "not_before = now() + interval '1 hour'",
    ] {
        let id = table.due(Channel::Sms).await;
        let batch = table.lease(10, LEASE).await;
        table.update(id, update).await;
        let claim = table.claim(id, 0).await;
        assert!(
            matches!(claim, ClaimResult::Claimed(_)),
            "{update}: {claim:?}"
        );
        assert_eq!(table.status(id).await, "pending");
        assert!(!table.is_leased(id).await);
        assert_eq!(table.mark_released(&[id], &batch).await, 0, "{update}");
    }
}

/// The message may arrive while the scheduler makes its row pending.
#[tokio::test]
async fn a_claim_waits_for_the_end_of_a_release() {
    let table = Table::new().await;
    let id = table.due(Channel::Sms).await;
    let batch = table.lease(10, LEASE).await;
    let mut scheduler = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let releasing = scheduler.transaction().await.expect("a transaction");
    let released = notifications::mark_released(&releasing, &[id], batch.leased_until).await;
    assert_eq!(released.expect("the query"), 1);
    let claiming = table.claim(id, 0);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let commit = async {
        eventually(secs(10), "the claim waits", async || {
            let count = table
                .db
                .pool
                .run(async |client| Ok(client.query_one(waiting, &[]).await?.get::<_, i64>(0)));
            count.await.expect("a count") == 1
        })
        .await;
        releasing.commit().await.expect("committed");
    };
    let (claim, ()) = tokio::join!(claiming, commit);
    assert!(matches!(claim, ClaimResult::Claimed(_)), "{claim:?}");
}

#[tokio::test]
async fn the_message_of_a_row_that_is_not_due_ends_and_its_release_with_it() {
    let table = Table::new().await;
    let id = table.due(Channel::Sms).await;
    let batch = table.lease(10, LEASE).await;
    table
        .update(
            id,
            "not_before = now() + interval '1 hour', release_until = NULL",
        )
        .await;
    let claim = table.claim(id, 0).await;
    assert!(matches!(claim, ClaimResult::NotDue), "{claim:?}");
    assert_eq!(table.mark_released(&[id], &batch).await, 0);
    assert_eq!(table.status(id).await, "scheduled");
}

/// Otherwise the row would be pending, without a message anywhere.
#[tokio::test]
async fn a_row_that_a_claim_puts_on_hold_stays_scheduled() {
    let table = Table::new().await;
    let id = table.due(Channel::Sms).await;
    table.update(id, "retries_attempted = 1").await;
    let batch = table.lease(10, LEASE).await;
    let claim = table.claim(id, 1).await;
    let until = Timestamp::now() + HOUR;
    let reason = HoldReason::Schedule;
    table
        .end(id, claim, ClaimEndResult::Held { until, reason })
        .await;
    assert_eq!(table.mark_released(&[id], &batch).await, 0);
    let row = table.row(id).await;
    assert_eq!(
        (row.status.as_str(), row.retries_attempted),
        ("scheduled", 1)
    );
    let held = "lease_token IS NULL AND not_before > now() AND reason = 'schedule'";
    assert_eq!(table.db.count(held).await, 1);
    assert!(table.lease(10, LEASE).await.is_empty());
}

#[tokio::test]
async fn a_claim_of_an_expired_notification_ends_it() {
    let table = Table::new().await;
    let id = table.record(Channel::Sms, expiring(HOUR)).await;
    let claim = table.claim(id, 0).await;
    table.end(id, claim, ClaimEndResult::Expired).await;
    assert_eq!(table.status(id).await, "expired");
}

#[tokio::test]
async fn a_cancellation_that_came_before_the_row_is_found_by_the_release_and_the_claim() {
    let table = Table::new().await;
    let due = table.due(Channel::Sms).await;
    let pending = table.record(Channel::Sms, DeliveryWindow::default()).await;
    let another = table.record(Channel::Sms, DeliveryWindow::default()).await;
    for (id, sender) in [(due, "orders"), (pending, ""), (another, "billing")] {
        let sql = "INSERT INTO cancellations (message_id, sender) VALUES ($1, $2)";
        let inserted = table.client.execute(sql, &[&id.as_uuid(), &sender]).await;
        assert_eq!(inserted.expect("a cancellation"), 1);
    }
    let batch = table.lease(10, LEASE).await;
    assert_eq!((batch.cancelled, batch.to_publish.len()), (1, 0));
    assert_eq!(table.status(due).await, "cancelled");
    for (id, cancelled) in [(pending, true), (another, false)] {
        match table.claim(id, 0).await {
            ClaimResult::Claimed(claimed) => assert_eq!(claimed.is_cancelled, cancelled),
            other => panic!("{other:?}"),
        }
    }
}
