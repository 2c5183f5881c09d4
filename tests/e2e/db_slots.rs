//! The limits of users: slots that claims take.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tidings_db::{TransactionOptions, notifications};
use tidings_domain::decision::LimitState;
use tidings_domain::notification::{DeliveredChannel, MessageId, UserId};
use tidings_domain::user_limit::UserLimit;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

struct Table {
    db: TestDatabase,
    user: UserId,
}

impl Table {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let user = db.user().await;
        Self { db, user }
    }

    /// Creates a row of the user that is being delivered, with more columns.
    async fn row(&self, more: &[(&str, &str)]) -> MessageId {
        let id = MessageId::generate();
        let value = |name: &str, default: &str| {
            let given = more.iter().find(|(its_name, _)| *its_name == name);
            given.map_or_else(|| default.to_owned(), |(_, value)| (*value).to_owned())
        };
        let user = format!("'{}'", self.user);
        let sql = format!(
            "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, category, slot_at)
             VALUES ('{}', {}, '{}', '{{}}', '{}', '{id}', now(), {}, {})",
            Uuid::now_v7(),
            value("user_id", &user),
            value("type", "sms"),
            value("status", "pending"),
            value("category", "NULL"),
            value("slot_at", "NULL"),
        );
        self.execute(&sql).await;
        id
    }

    async fn execute(&self, sql: &str) {
        let executed = self
            .db
            .pool
            .run(async |client| Ok(client.execute(sql, &[]).await?));
        assert_eq!(executed.await.expect("the query"), 1, "{sql}");
    }

    /// Takes slots of a limit of `count` a day, in a transaction.
    async fn take(&self, count: u32, ids: &[MessageId]) -> HashMap<MessageId, LimitState> {
        let limit = UserLimit {
            count,
            window: Duration::from_hours(24),
        };
        let taken = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::take_slots(transaction, DeliveredChannel::Sms, Some(limit), ids)
                    .await
            });
        taken.await.expect("the transaction")
    }

    async fn slots(&self) -> i64 {
        self.db.count("slot_at IS NOT NULL").await
    }
}

#[tokio::test]
async fn of_50_claims_at_the_same_time_exactly_10_get_a_slot() {
    let table = Table::new().await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(table.row(&[]).await);
    }
    let all = join_all(
        ids.iter()
            .map(|id| table.take(10, std::slice::from_ref(id))),
    )
    .await;
    assert_eq!(all.iter().filter(|without| without.is_empty()).count(), 10);
    assert_eq!(table.slots().await, 10);
    // In batches that overlap, in other orders, again.
    ids.reverse();
    let batches = ids.chunks(20).chain(ids[10..].chunks(20));
    for without in join_all(batches.map(|batch| table.take(10, batch))).await {
        assert!(without.values().all(|state| *state == LimitState::Taken));
    }
    assert_eq!(table.slots().await, 10);
}

#[tokio::test]
async fn rows_of_one_user_in_a_batch_are_ranked_by_their_time() {
    let table = Table::new().await;
    let (first, second, third) = (
        table.row(&[]).await,
        table.row(&[]).await,
        table.row(&[]).await,
    );
    let other_user = format!("'{}'", table.db.user().await);
    let other = table.row(&[("user_id", &other_user)]).await;
    let without = table.take(2, &[third, other, second, first]).await;
    assert_eq!(without, HashMap::from([(third, LimitState::Taken)]));
    assert_eq!(table.slots().await, 3);
    // A retry keeps its slot, also with a smaller limit.
    let without = table.take(1, &[first, second, third]).await;
    assert_eq!(without, HashMap::from([(third, LimitState::Taken)]));
}

#[tokio::test]
async fn what_counts_is_what_was_delivered_or_may_be() {
    let table = Table::new().await;
    let now = ("slot_at", "now()");
    let row = async |more: &[(&str, &str)]| table.row(more).await;
    // None of these counts.
    for status in ["failed", "cancelled", "expired", "suppressed", "digested"] {
        let _ = row(&[now, ("status", status)]).await;
    }
    let _ = row(&[
        ("slot_at", "now() - interval '25 hours'"),
        ("status", "processed"),
    ])
    .await;
    let _ = row(&[now, ("type", "email")]).await;
    let _ = row(&[("status", "processed")]).await;
    let new = row(&[]).await;
    let exempt = row(&[("category", "'security'")]).await;
    let guest = row(&[("user_id", "NULL")]).await;
    assert_eq!(table.take(1, &[new]).await, HashMap::new());
    let more = row(&[("category", "'news'")]).await;
    let asked = [exempt, guest, more];
    let taken = HashMap::from([(more, LimitState::Taken)]);
    assert_eq!(table.take(1, &asked).await, taken, "the new one may fail");
    let processed =
        format!("UPDATE notifications SET status = 'processed' WHERE message_id = '{new}'");
    table.execute(&processed).await;
    let reached = HashMap::from([(more, LimitState::Reached)]);
    assert_eq!(table.take(1, &asked).await, reached);
    assert_eq!(table.take(2, &asked).await, HashMap::new());
    let slots = format!("message_id IN ('{exempt}', '{guest}') AND slot_at IS NOT NULL");
    assert_eq!(table.db.count(&slots).await, 0);
}

#[tokio::test]
async fn a_replay_must_pass_the_limit_again() {
    let table = Table::new().await;
    let failed = table
        .row(&[("slot_at", "now()"), ("status", "failed")])
        .await;
    let other = table.row(&[]).await;
    assert_eq!(table.take(1, &[other]).await, HashMap::new());
    let reset = table
        .db
        .pool
        .run(async |client| notifications::reset_for_replay(client, failed).await);
    assert!(reset.await.expect("the query"));
    let taken = HashMap::from([(failed, LimitState::Taken)]);
    assert_eq!(table.take(1, &[failed]).await, taken);
}

/// A category has a limit of its own, and `key` one for each value.
#[tokio::test]
async fn the_limit_of_a_category_counts_its_notifications_only_and_retries_once() {
    let table = Table::new().await;
    table
        .execute(
            r#"INSERT INTO categories (name, throttle) VALUES ('news', '{"limit": 2, "windowSecs": 3600}')"#,
        )
        .await;
    table
        .execute(
            r#"INSERT INTO categories (name, throttle)
               VALUES ('orders', '{"limit": 1, "windowSecs": 3600, "key": "order"}')"#,
        )
        .await;
    let take = async |ids: &[MessageId]| {
        let taken = table
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::take_slots(transaction, DeliveredChannel::Sms, None, ids).await
            });
        taken.await.expect("the transaction")
    };
    let news = ("category", "'news'");
    let (one, two) = (table.row(&[news]).await, table.row(&[news]).await);
    let three = table.row(&[news]).await;
    let plain = table.row(&[]).await;
    let other_user = format!("'{}'", table.db.user().await);
    let other = table.row(&[news, ("user_id", &other_user)]).await;
    let email = table.row(&[news, ("type", "email")]).await;
    let all = [one, two, three, plain, other, email];
    let expected = HashMap::from([(three, LimitState::Taken)]);
    assert_eq!(take(&all[..5]).await, expected);
    assert_eq!(
        take(&[one, two, three]).await,
        expected,
        "a retry keeps its slot"
    );
    assert_eq!(table.slots().await, 3, "what has no limit needs no slot");
    for id in [one, two] {
        let processed =
            format!("UPDATE notifications SET status = 'processed' WHERE message_id = '{id}'");
        table.execute(&processed).await;
    }
    assert_eq!(
        take(&[three]).await,
        HashMap::from([(three, LimitState::Reached)])
    );
    // Both limits count.
    assert_eq!(table.take(1, &[other]).await, HashMap::new());
    let second = table
        .row(&[("category", "'orders'"), ("user_id", &other_user)])
        .await;
    assert_eq!(
        table.take(1, &[second]).await,
        HashMap::from([(second, LimitState::Taken)])
    );

    let order = async |value: &str| {
        let id = table.row(&[("category", "'orders'")]).await;
        let payload = format!(
            "UPDATE notifications SET payload = '{{\"order\": {value}}}' WHERE message_id = '{id}'"
        );
        table.execute(&payload).await;
        id
    };
    let (first, other, again) = (order("1").await, order("2").await, order("1").await);
    let without = take(&[first, other, again]).await;
    assert_eq!(without, HashMap::from([(again, LimitState::Taken)]));
}
