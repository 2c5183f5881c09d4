//! The table `digests`: adding items, closing, and their results.

mod adding;
mod closing;
mod joining;
mod racing;
mod settings;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_db::digests::{self, CloseResult, Closing, DigestRow};
use tidings_db::notifications::{self, DueBatch, NotificationRow, RecordResult};
use tidings_db::{DbError, DedicatedClient, TransactionOptions};
use tidings_domain::notification::{Channel, DigestId, MessageId, Notification, Status, UserId};
use tidings_domain::time::{DeliveryWindow, Timezone};
use tidings_tests::{ServerUrls, TestDatabase};

const LEASE: Duration = Duration::from_mins(1);

struct Table {
    /// Dropped last.
    db: TestDatabase,
    client: DedicatedClient,
    user: UserId,
}

impl Table {
    /// With the category `news`, whose digest is `rule`.
    async fn with(rule: &Value) -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let client = db.pool.dedicated_client().await.expect("a connection");
        let user = db.user().await;
        let table = Self { db, client, user };
        table.category("news", "transactional", rule).await;
        table
    }

    /// With a category whose digests are never full or due within a test.
    async fn new() -> Self {
        Self::with(&json!({"mode": "window", "windowSecs": 86400})).await
    }

    async fn category(&self, name: &str, kind: &str, rule: &Value) {
        let rule = (!rule.is_null()).then(|| rule.to_string());
        let sql = "INSERT INTO categories (name, kind, digest) VALUES ($1, $2, $3::text::jsonb)
                   ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, digest = excluded.digest";
        let done = self.client.execute(sql, &[&name, &kind, &rule]).await;
        assert_eq!(done.expect("a category"), 1);
    }

    /// No digest of the category is too early any more.
    async fn let_all_close(&self) {
        self.category("news", "transactional", &json!({"mode": "off"}))
            .await;
    }

    async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.expect(sql);
    }

    async fn update(&self, id: MessageId, changes: &str) {
        let sql = format!("UPDATE notifications SET {changes} WHERE message_id = $1");
        let updated = self.client.execute(&sql, &[&id.as_uuid()]).await;
        assert_eq!(updated.expect("the update"), 1);
    }

    fn notification(&self) -> Notification {
        Notification {
            message_id: MessageId::generate(),
            user_id: Some(self.user),
            channel: Channel::Sms,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"text": "hello"}"#.to_owned()).expect("JSON"),
            template: None,
            sender: Some("orders".to_owned()),
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: Some("news".parse().expect("a name")),
            digest_key: None,
            trace: None,
        }
    }

    /// Records notifications like the intake. Returns their first statuses.
    async fn record(&self, batch: &[&Notification]) -> Vec<Status> {
        let utc = Timezone::default();
        let recorded = notifications::record_by_intake(&self.db.pool, batch.to_vec(), &utc).await;
        let recorded = recorded.expect("recorded");
        let status = |one: &&Notification| match &recorded[&one.message_id] {
            RecordResult::Recorded(state) | RecordResult::Existed(state) => state.status,
            other => panic!("{other:?}"),
        };
        batch.iter().map(status).collect()
    }

    /// Records an item. Returns its id.
    async fn item(&self) -> MessageId {
        let item = self.notification();
        assert_eq!(self.record(&[&item]).await, [Status::Scheduled]);
        item.message_id
    }

    async fn items(&self, count: usize) -> Vec<MessageId> {
        let items: Vec<_> = (0..count).map(|_| self.notification()).collect();
        let statuses = self.record(&items.iter().collect::<Vec<_>>()).await;
        assert_eq!(statuses, vec![Status::Scheduled; count]);
        items.iter().map(|item| item.message_id).collect()
    }

    async fn row(&self, id: MessageId) -> NotificationRow {
        let row = notifications::find(&*self.client, id, None).await;
        row.expect("the query").expect("the row")
    }

    /// The statuses of notifications, with their reasons.
    async fn states(&self, ids: &[MessageId]) -> Vec<String> {
        let mut states = Vec::new();
        for id in ids {
            let row = self.row(*id).await;
            let reason = row.reason.unwrap_or_default();
            states.push(format!("{} {reason}", row.status));
        }
        states
    }

    async fn digests(&self) -> Vec<DigestRow> {
        let found = digests::of_user(&*self.client, self.user, 1000).await;
        found.expect("the query")
    }

    /// The only digest.
    async fn digest(&self) -> DigestRow {
        let mut digests = self.digests().await;
        assert_eq!(digests.len(), 1, "{digests:?}");
        digests.remove(0)
    }

    async fn try_close(&self, id: DigestId) -> Result<Closing, DbError> {
        let utc = Timezone::default();
        self.db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                digests::close(transaction, id, &utc).await
            })
            .await
    }

    async fn close(&self, id: DigestId) -> CloseResult {
        let closing = self.try_close(id).await;
        closing.expect("the queries").result
    }

    /// What a scheduler finds due.
    async fn lease(&self, channel: Channel) -> DueBatch {
        let batch = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::lease_due(transaction, channel, 100, LEASE).await
            })
            .await;
        batch.expect("the queries")
    }

    /// The ids of the messages that a scheduler publishes now.
    async fn published(&self) -> Vec<MessageId> {
        let batch = self.lease(Channel::Sms).await;
        assert!(batch.to_collect.is_empty(), "{batch:?}");
        batch.to_publish.iter().map(|one| one.message_id).collect()
    }
}
