//! The release of scheduled notifications, and the claim of their messages.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::value::RawValue;
use tidings_db::notifications::{
    self, ClaimEnd, ClaimEndResult, ClaimRequest, ClaimResult, DueBatch, LeaseToken, LockedRows,
    NotificationRow,
};
use tidings_db::{DedicatedClient, TransactionOptions, scheduler_heartbeats};
use tidings_domain::decision::HoldReason;
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase, eventually, secs};
use uuid::Uuid;

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
            user_id: self.user,
            channel,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"text":"hello"}"#.to_owned()).expect("JSON"),
            template: None,
            sender: Some("orders".to_owned()),
            group: None,
            window,
            fingerprint: None,
            sensitive: false,
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

#[rstest]
#[case::later(later(HOUR), "scheduled", "scheduled")]
#[case::in_the_past(later(-HOUR), "pending", "processed")]
#[case::may_expire(expiring(HOUR), "pending", "processed")]
#[case::expired(expiring(-HOUR), "expired", "expired")]
#[case::at_once(DeliveryWindow::default(), "pending", "processed")]
#[tokio::test]
async fn the_times_of_a_notification_decide_about_its_first_status(
    #[case] window: DeliveryWindow,
    #[case] delivered: &str,
    #[case] in_app: &str,
) {
    let table = Table::new().await;
    for (channel, expected) in [(Channel::Sms, delivered), (Channel::InApp, in_app)] {
        let id = table.record(channel, window).await;
        let row = table.row(id).await;
        assert_eq!(row.status, expected, "{channel}");
        assert_eq!(row.processed_at.is_some(), expected == "processed");
    }
    let kept =
        "sender = 'orders' AND (status = 'scheduled') = (reason IS NOT DISTINCT FROM 'schedule')";
    assert_eq!(table.db.count(kept).await, 2);
}

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

#[tokio::test]
async fn the_oldest_due_notification_says_how_late_the_schedulers_are() {
    let table = Table::new().await;
    let overdue = async || {
        notifications::overdue(&*table.client)
            .await
            .expect("the query")
    };
    table.record(Channel::Sms, later(HOUR)).await;
    assert_eq!(overdue().await, None);
    table.due(Channel::Sms).await;
    let late = overdue().await.expect("one is due").as_secs();
    assert!((3600..3700).contains(&late), "{late}");
}

#[tokio::test]
async fn the_last_heartbeat_counts_and_old_ones_are_removed() {
    let table = Table::new().await;
    let last = async || {
        scheduler_heartbeats::last_beat(&*table.client)
            .await
            .expect("the query")
    };
    assert_eq!(last().await, None);
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    let beat = async |id| {
        scheduler_heartbeats::beat(&*table.client, id, "1.0.0")
            .await
            .expect("written");
    };
    beat(old).await;
    let sql = "UPDATE scheduler_heartbeats SET beat_at = now() - interval '25 hours'";
    table.client.execute(sql, &[]).await.expect("an old one");
    assert_eq!(last().await, None);
    beat(new).await;
    beat(new).await;
    assert!(last().await.expect("a heartbeat") < LEASE);
    let sql = "SELECT array_agg(id) FROM scheduler_heartbeats";
    let left: Vec<Uuid> = table.client.query_one(sql, &[]).await.expect("ids").get(0);
    assert_eq!(left, [new]);
}
