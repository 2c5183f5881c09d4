use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidings_db::TransactionOptions;
use tidings_db::digests::{self, DueItem};
use tidings_db::notifications::{self, RecordedBy};
use tidings_domain::notification::{Channel, Notification, Status};
use tidings_domain::time::{DeliveryWindow, Timezone};

use super::Table;

impl Table {
    async fn join(&self, items: &[DueItem]) -> usize {
        let utc = Timezone::default();
        let joined = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                digests::join(transaction, items, &utc).await
            })
            .await;
        joined.expect("the queries")
    }
}

/// What waited before it could be collected: for its time, for RabbitMQ, or as an occurrence of a schedule.
#[tokio::test]
async fn what_is_due_is_collected_when_it_is_released() {
    let table = Table::new().await;
    let later = Notification {
        window: DeliveryWindow {
            not_before: Some(Timestamp::now() + SignedDuration::from_hours(1)),
            expires_at: None,
        },
        digest_key: Some("a".parse().expect("a key")),
        ..table.notification()
    };
    assert_eq!(table.record(&[&later]).await, [Status::Scheduled]);
    assert!(table.digests().await.is_empty());
    table
        .update(later.message_id, "not_before = now() - interval '1 minute'")
        .await;
    let by_api = table.notification();
    let recorded = notifications::record(&table.db.pool, vec![&by_api], RecordedBy::Api).await;
    recorded.expect("recorded");
    // What quiet hours held was decided before.
    let held = table.notification();
    table.category("news", "transactional", &json!(null)).await;
    assert_eq!(table.record(&[&held]).await, [Status::Pending]);
    table
        .update(
            held.message_id,
            "status = 'scheduled', reason = 'quiet_hours', not_before = now() - interval '1 minute'",
        )
        .await;
    table
        .category("news", "transactional", &json!({"mode": "weekly"}))
        .await;

    let batch = table.lease(Channel::Sms).await;
    let published: Vec<_> = batch.to_publish.iter().map(|one| one.message_id).collect();
    assert_eq!(published, [held.message_id]);
    assert_eq!((batch.len(), batch.to_collect.len()), (3, 2));
    // Two schedulers have found the same.
    let again = table.lease(Channel::Sms).await;
    assert_eq!(again.to_collect.len(), 2);
    assert_eq!(table.join(&batch.to_collect).await, 2);
    assert_eq!(table.join(&again.to_collect).await, 0);
    assert_eq!(table.join(&[]).await, 0);
    let mut digests: Vec<(String, i32)> = table
        .digests()
        .await
        .into_iter()
        .map(|digest| (digest.key, digest.items))
        .collect();
    digests.sort();
    assert_eq!(digests, [(String::new(), 1), ("a".to_owned(), 1)]);
    for id in [later.message_id, by_api.message_id] {
        let row = table.row(id).await;
        assert_eq!(
            (row.status.as_str(), row.window.not_before),
            ("scheduled", None)
        );
        assert_eq!(row.reason.as_deref(), Some("digest"));
    }
    assert!(table.published().await.is_empty());
}
