//! The release of scheduled notifications, and the claim of their messages.

mod claims;
mod first_status;
mod lateness;
mod leases;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use tidings_db::notifications::{
    self, ClaimEnd, ClaimEndResult, ClaimRequest, ClaimResult, DueBatch, LeaseToken, LockedRows,
    NotificationRow,
};
use tidings_db::{DedicatedClient, TransactionOptions};
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase};

const LEASE: Duration = Duration::from_mins(1);

/// Long enough to be in the future for the whole test, and in the past.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

struct Table {
    /// Dropped last.
    db: TestDatabase,
    client: DedicatedClient,
    user: tidings_domain::notification::UserId,
}

impl Table {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let client = db.pool.dedicated_client().await.expect("a connection");
        let user = db.user().await;
        Self { db, client, user }
    }

    /// Records a notification like the intake.
    async fn record(&self, channel: Channel, window: DeliveryWindow) -> MessageId {
        let notification = Notification {
            message_id: MessageId::generate(),
            user_id: Some(self.user),
            channel,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"text":"hello"}"#.to_owned()).expect("JSON"),
            template: None,
            sender: Some("orders".to_owned()),
            group: None,
            window,
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        };
        let inserted = notifications::insert_batch(&*self.client, &[&notification]).await;
        assert_eq!(inserted.expect("recorded").len(), 1);
        notification.message_id
    }

    /// Records a notification for later, and lets its time come.
    async fn due(&self, channel: Channel) -> MessageId {
        let id = self.record(channel, later(HOUR)).await;
        self.update(id, "not_before = now() - interval '1 hour'")
            .await;
        id
    }

    async fn update(&self, id: MessageId, changes: &str) {
        let sql = format!("UPDATE notifications SET {changes} WHERE message_id = $1");
        let updated = self.client.execute(&sql, &[&id.as_uuid()]).await;
        assert_eq!(updated.expect("the update"), 1);
    }

    /// Leases due notifications of all channels.
    async fn lease(&self, limit: u32, lease: Duration) -> DueBatch {
        let mut all: Option<DueBatch> = None;
        for channel in Channel::ALL {
            let batch = self.lease_of(channel, limit, lease).await;
            match &mut all {
                Some(all) if !batch.is_empty() => {
                    all.to_publish.extend(batch.to_publish);
                    all.leased_until = batch.leased_until;
                    all.processed += batch.processed;
                    all.expired += batch.expired;
                    all.cancelled += batch.cancelled;
                }
                Some(_) => {}
                None => all = Some(batch),
            }
        }
        all.expect("there are channels")
    }

    async fn lease_of(&self, channel: Channel, limit: u32, lease: Duration) -> DueBatch {
        let batch = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::lease_due(transaction, channel, limit, lease).await
            })
            .await;
        batch.expect("the queries")
    }

    async fn claim(&self, id: MessageId, attempt: u32) -> ClaimResult {
        let request = ClaimRequest {
            id,
            attempt,
            token: LeaseToken::generate(),
        };
        let claims =
            notifications::claim(&*self.client, DeliveredChannel::Email, &[request], LEASE).await;
        claims.expect("the query").remove(0)
    }

    async fn mark_released(&self, ids: &[MessageId], batch: &DueBatch) -> u64 {
        let marked = notifications::mark_released(&*self.client, ids, batch.leased_until).await;
        marked.expect("the query")
    }

    async fn end(&self, id: MessageId, claim: ClaimResult, result: ClaimEndResult) {
        let ClaimResult::Claimed(claimed) = claim else {
            panic!("{claim:?}")
        };
        let token = claimed.token;
        let ends = [ClaimEnd { id, token, result }];
        let ended = notifications::end_claims(&*self.client, &ends, LockedRows::Wait).await;
        assert!(ended.expect("the query").contains(&token));
    }

    async fn row(&self, id: MessageId) -> NotificationRow {
        let row = notifications::find(&*self.client, id, None).await;
        row.expect("the query").expect("the row")
    }

    async fn status(&self, id: MessageId) -> String {
        self.row(id).await.status
    }

    /// Whether a scheduler has leased the row.
    async fn is_leased(&self, id: MessageId) -> bool {
        let sql = "SELECT release_until IS NOT NULL FROM notifications WHERE message_id = $1";
        let row = self.client.query_one(sql, &[&id.as_uuid()]).await;
        row.expect("the row").get(0)
    }
}

fn later(distance: SignedDuration) -> DeliveryWindow {
    DeliveryWindow {
        not_before: Some(Timestamp::now() + distance),
        expires_at: None,
    }
}

fn expiring(distance: SignedDuration) -> DeliveryWindow {
    DeliveryWindow {
        not_before: None,
        expires_at: Some(Timestamp::now() + distance),
    }
}

fn ids(batch: &DueBatch) -> Vec<MessageId> {
    batch.to_publish.iter().map(|due| due.message_id).collect()
}
