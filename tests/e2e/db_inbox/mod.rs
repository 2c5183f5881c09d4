//! The queries of inboxes, on a database of the test's own.

mod changes;
mod feed;
mod lists;
mod positions;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::inbox::{
    self, Changed, InboxChange, InboxFilter, InboxPage, InboxState, ReadAll, SeenPosition,
};
use tidings_db::{DedicatedClient, TransactionOptions, notifications};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase};

struct Inbox {
    /// Dropped last.
    db: TestDatabase,
    user: UserId,
}

impl Inbox {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let user = db.user().await;
        Self { db, user }
    }

    fn notification(&self) -> Notification {
        Notification {
            message_id: MessageId::generate(),
            user_id: Some(self.user),
            channel: Channel::InApp,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"title":"hello"}"#.to_owned()).expect("JSON"),
            template: None,
            sender: Some("orders".to_owned()),
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        }
    }

    async fn client(&self) -> DedicatedClient {
        self.db.pool.dedicated_client().await.expect("a connection")
    }

    /// Records notifications like the intake. Returns their ids, the oldest first.
    async fn record(&self, count: usize) -> Vec<MessageId> {
        let all: Vec<Notification> = (0..count).map(|_| self.notification()).collect();
        self.insert(&all).await
    }

    async fn insert(&self, all: &[Notification]) -> Vec<MessageId> {
        let batch: Vec<&Notification> = all.iter().collect();
        let inserted = notifications::insert_batch(&*self.client().await, &batch).await;
        assert_eq!(inserted.expect("recorded").len(), all.len());
        all.iter().map(|one| one.message_id).collect()
    }

    async fn update(&self, id: MessageId, changes: &str) {
        let sql = format!("UPDATE notifications SET {changes} WHERE message_id = $1");
        let updated = self.client().await.execute(&sql, &[&id.as_uuid()]).await;
        assert_eq!(updated.expect("the update"), 1);
    }

    async fn page(&self, state: InboxState) -> InboxPage {
        let filter = InboxFilter {
            user: self.user,
            state,
            category: None,
        };
        let page = inbox::list(&self.db.pool, &filter, None, 200).await;
        page.expect("the queries").expect("a page")
    }

    /// The ids of a list, the newest first.
    async fn ids(&self, state: InboxState) -> Vec<MessageId> {
        ids(&self.page(state).await)
    }

    /// What a client that reads the list now has seen. It stores the text.
    async fn position(&self) -> SeenPosition {
        let text = self.page(InboxState::All).await.up_to.to_string();
        text.parse().expect("its own text")
    }

    async fn change(&self, ids: &[MessageId], change: InboxChange) -> Changed {
        let (user, origin) = (self.user, own(self.user));
        let changed = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                inbox::change(transaction, user, ids, change, &origin).await
            })
            .await;
        changed.expect("the query")
    }

    async fn read_all(&self, up_to: &SeenPosition, category: Option<&str>) -> ReadAll {
        let (user, origin) = (self.user, own(self.user));
        let marked = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                inbox::read_all(transaction, user, up_to, category, &origin).await
            })
            .await;
        marked.expect("the queries")
    }

    async fn audited(&self) -> i64 {
        let sql = "SELECT count(*) FROM audit_log";
        let row = self.client().await.query_one(sql, &[]).await;
        row.expect("a row").get(0)
    }
}

/// A change by the user.
fn own(user: UserId) -> AuditOrigin {
    AuditOrigin::new(ActorKind::User, &user.to_string())
}

fn ids(page: &InboxPage) -> Vec<MessageId> {
    let rows = page.rows.iter();
    rows.map(|row| row.notification.message_id).collect()
}

/// Marks as read, or as unread.
fn read(read: bool) -> InboxChange {
    InboxChange {
        read: Some(read),
        archived: None,
    }
}

/// Archives, or takes out of the archive.
fn archived(archived: bool) -> InboxChange {
    InboxChange {
        read: None,
        archived: Some(archived),
    }
}
