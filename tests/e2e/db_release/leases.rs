use std::collections::HashSet;
use std::time::Duration;

use tidings_db::notifications;
use tidings_domain::notification::Channel;

use super::{HOUR, LEASE, Table, ids, later};

#[tokio::test]
async fn due_notifications_are_leased_once_the_oldest_first() {
    let table = Table::new().await;
    let mut all = Vec::new();
    for minutes in [10, 30, 20] {
        let id = table.due(Channel::Sms).await;
        let time =
            format!("not_before = now() - interval '{minutes} minutes', retries_attempted = 2");
        table.update(id, &time).await;
        all.push(id);
    }
    table.record(Channel::Sms, later(HOUR)).await;
    let first = table.lease(2, LEASE).await;
    assert_eq!(ids(&first), [all[1], all[2]]);
    assert!(first.to_publish.iter().all(|due| due.attempt == 2));
    let second = table.lease(2, LEASE).await;
    assert_eq!(ids(&second), [all[0]]);
    assert!(table.lease(2, LEASE).await.is_empty(), "all are leased");
    assert_eq!(table.mark_released(&ids(&first), &first).await, 2);
    assert_eq!(table.status(all[1]).await, "pending");
    assert_eq!(table.status(all[0]).await, "scheduled");
}

#[tokio::test]
async fn after_its_lease_a_notification_is_due_again_and_the_first_scheduler_changes_nothing() {
    let table = Table::new().await;
    let id = table.due(Channel::Email).await;
    let dead = table.lease(10, Duration::ZERO).await;
    let second = table.lease(10, LEASE).await;
    assert_eq!((ids(&dead), ids(&second)), (vec![id], vec![id]));
    assert_eq!(table.mark_released(&[id], &dead).await, 0);
    assert_eq!(table.mark_released(&[id], &second).await, 1);
    assert_eq!(table.status(id).await, "pending");
}

#[tokio::test]
async fn a_lease_that_is_given_back_leaves_the_notification_due() {
    let table = Table::new().await;
    let id = table.due(Channel::Push).await;
    let batch = table.lease(10, LEASE).await;
    let given_back =
        notifications::give_back_leases(&*table.client, &[id], batch.leased_until).await;
    assert_eq!(given_back.expect("the query"), 1);
    assert_eq!(ids(&table.lease(10, LEASE).await), [id]);
}

#[tokio::test]
async fn in_app_notifications_are_processed_and_expired_ones_end_without_a_message() {
    let table = Table::new().await;
    let in_app = table.due(Channel::InApp).await;
    let expired = table.due(Channel::Sms).await;
    table.update(expired, "expires_at = now()").await;
    let batch = table.lease(10, LEASE).await;
    assert_eq!((batch.processed, batch.expired), (1, 1));
    assert!(batch.to_publish.is_empty());
    let row = table.row(in_app).await;
    assert_eq!(row.status, "processed");
    assert!(row.processed_at.is_some());
    let row = table.row(expired).await;
    assert_eq!((row.status.as_str(), row.processed_at), ("expired", None));
}

#[tokio::test]
async fn two_schedulers_share_the_due_notifications() {
    let table = Table::new().await;
    let count = 2000;
    let sql = "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, not_before)
               SELECT gen_random_uuid(), $1, 'sms', '{}', 'scheduled', gen_random_uuid(), now(), now()
               FROM generate_series(1, $2::int)";
    let inserted = table
        .client
        .execute(sql, &[&table.user.as_uuid(), &count])
        .await;
    assert_eq!(inserted.expect("rows"), 2000);
    let scheduler = async || {
        let mut all = Vec::new();
        loop {
            let batch = table.lease(50, LEASE).await;
            // The other one may have locked all that is left.
            if batch.is_empty() && table.db.count("status = 'scheduled'").await == 0 {
                return all;
            }
            // The look of the other one locks rows for a moment, even those that it then leaves out.
            let mut left = u64::try_from(batch.to_publish.len()).expect("few");
            while left > 0 {
                left -= table.mark_released(&ids(&batch), &batch).await;
            }
            all.extend(ids(&batch));
        }
    };
    let (one, other) = tokio::join!(scheduler(), scheduler());
    let distinct: HashSet<_> = one.iter().chain(&other).collect();
    assert_eq!(distinct.len(), 2000, "{} and {}", one.len(), other.len());
    assert_eq!(one.len() + other.len(), 2000);
    assert_eq!(table.db.count("status = 'pending'").await, 2000);
}

/// Otherwise nobody would release it until the clock has caught up.
#[tokio::test]
async fn a_lease_that_ends_too_late_is_from_before_the_clock_was_set_back() {
    let table = Table::new().await;
    let id = table.due(Channel::Sms).await;
    table
        .update(id, "release_until = now() + interval '1 hour'")
        .await;
    assert_eq!(ids(&table.lease(10, LEASE).await), [id]);
}
