//! The deletion of users: the limit a day, the race with a cancellation, and the erasure.

mod erased;
mod recovery;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::audit::{self, AuditFilter};
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, LeaseToken, find, insert_batch};
use tidings_db::user_deletions::{
    self, DeletionRow, DeletionSettings, DeletionStatus, RequestResult, Writers,
};
use tidings_db::users::{self, ContactRights, PutResult, UserProfile};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase, eventually, origin, secs};

const DAY: &str = "2027-03-01T23:59:59Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

async fn migrated() -> TestDatabase {
    TestDatabase::migrated(&ServerUrls::shared()).await
}

async fn request(db: &TestDatabase, user: UserId) -> DeletionRow {
    let origin = origin();
    let requested = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let settings = DeletionSettings::default();
            user_deletions::request(transaction, &origin, user, &settings, None).await
        })
        .await;
    match requested.expect("the queries") {
        RequestResult::Requested(row) | RequestResult::Existed(row) => row,
        other => panic!("{other:?}"),
    }
}

async fn begin(db: &TestDatabase, now: &str) -> Option<DeletionRow> {
    let now = at(now);
    let begun = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            user_deletions::begin_due(transaction, now, 10, false).await
        })
        .await;
    begun.expect("the queries")
}

async fn cancel(db: &TestDatabase, deletion: &DeletionRow) -> bool {
    let origin = origin();
    let cancelled = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            user_deletions::cancel(transaction, &origin, deletion.id).await
        })
        .await;
    cancelled.expect("the queries").is_some()
}

/// What a scheduler does after the mark, at most `chunks` chunks. Returns whether nothing is left.
async fn sweep(db: &TestDatabase, deletion: &DeletionRow, chunks: usize) -> bool {
    for _ in 0..chunks {
        let chunk = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                user_deletions::sweep(transaction, deletion).await
            })
            .await;
        if chunk.expect("the queries").is_clean {
            return true;
        }
    }
    false
}

async fn finish(db: &TestDatabase, deletion: &DeletionRow) -> bool {
    let origin = origin();
    let done = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            user_deletions::finish(transaction, &origin, deletion).await
        })
        .await;
    done.expect("the queries")
}

fn notification(user: UserId, channel: Channel) -> Notification {
    Notification {
        message_id: MessageId::generate(),
        user_id: Some(user),
        channel,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string(r#"{"text": "secret"}"#.to_owned()).expect("JSON"),
        template: None,
        sender: None,
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: None,
        digest_key: None,
        trace: None,
    }
}

async fn record(db: &TestDatabase, user: UserId, channel: Channel) -> MessageId {
    let one = notification(user, channel);
    let recorded = db
        .pool
        .run(async |client| insert_batch(client, &[&one]).await)
        .await;
    assert!(recorded.expect("recorded").contains_key(&one.message_id));
    one.message_id
}

/// Runs SQL.
async fn execute(db: &TestDatabase, sql: &str) {
    let run = db
        .pool
        .run(async |client| Ok(client.batch_execute(sql).await?));
    run.await.expect(sql);
}

/// The status, the reason and the payload of a row.
async fn state(db: &TestDatabase, id: MessageId) -> Option<(String, Option<String>, String)> {
    let sql = "SELECT status, reason, payload::text FROM notifications WHERE message_id = $1";
    let row = db
        .pool
        .run(async |client| Ok(client.query_opt(sql, &[&id.as_uuid()]).await?))
        .await
        .expect("the query");
    row.map(|row| (row.get(0), row.get(1), row.get(2)))
}

async fn actions(db: &TestDatabase) -> Vec<String> {
    let filter = AuditFilter::default();
    let listed = db
        .pool
        .run(async |client| audit::list(client, &filter, None, 200).await)
        .await;
    let (rows, _) = listed.expect("the entries");
    rows.into_iter().map(|row| row.action).collect()
}

async fn status(db: &TestDatabase, user: UserId) -> Option<DeletionStatus> {
    let row = db
        .pool
        .run(async |client| user_deletions::of_user(client, user).await)
        .await;
    row.expect("the query").map(|row| row.status)
}

#[tokio::test]
async fn ten_erasures_begin_on_a_day_in_utc_and_the_eleventh_can_still_be_cancelled() {
    let db = migrated().await;
    let mut deletions = Vec::new();
    for _ in 0..12 {
        let user = db.user().await;
        deletions.push(request(&db, user).await);
    }
    // All at once, and the tries exceed the limit.
    let tries: Vec<_> = (0..20).map(|_| begin(&db, DAY)).collect();
    let begun = futures_util::future::join_all(tries).await;
    let mut begun = begun.into_iter().flatten().count();
    // A try leaves out what another one has locked.
    while begin(&db, DAY).await.is_some() {
        begun += 1;
    }
    assert_eq!(begun, 10);

    let mut left = Vec::new();
    for deletion in &deletions {
        if status(&db, deletion.user_id).await == Some(DeletionStatus::Waiting) {
            left.push(deletion);
        }
    }
    assert_eq!(left.len(), 2);
    assert!(cancel(&db, left[0]).await);
    let next = begin(&db, "2027-03-02T00:00:00Z").await.expect("a new day");
    assert_eq!(next.id, left[1].id);
    assert!(!cancel(&db, left[1]).await, "the erasure has begun");
    assert_eq!(begin(&db, "2027-03-02T00:00:00Z").await, None);
}

#[tokio::test]
async fn a_cancellation_and_an_erasure_at_once_have_one_winner() {
    let db = migrated().await;
    for _ in 0..8 {
        let user = db.user().await;
        let deletion = request(&db, user).await;
        let (begun, cancelled) = tokio::join!(begin(&db, DAY), cancel(&db, &deletion));
        assert_ne!(begun.is_some(), cancelled);
        let expected = (!cancelled).then_some(DeletionStatus::Erasing);
        assert_eq!(status(&db, user).await, expected);
    }
}

#[tokio::test]
async fn an_erasure_that_is_interrupted_is_continued_and_nothing_of_the_user_is_left() {
    let db = migrated().await;
    let user = db.user().await;
    let (other, before) = (db.user().await, record(&db, user, Channel::InApp).await);
    let kept = record(&db, other, Channel::InApp).await;
    let queued = record(&db, user, Channel::Sms).await;
    let sql = format!(
        "UPDATE users SET email = 'anna@example.com', password_hash = 'x' WHERE id = '{user}';
         INSERT INTO phone_numbers (id, user_id, number) VALUES (gen_random_uuid(), '{user}', '+436601234567');
         INSERT INTO digests (id, user_id, channel, category, key, closes_at, items, max_items)
             VALUES (gen_random_uuid(), '{user}', 'sms', 'news', 'anna', now(), 1, 2);
         INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, processed_at)
             SELECT gen_random_uuid(), '{user}', 'in-app', '{{}}', 'processed', gen_random_uuid(), now(), now()
             FROM generate_series(1, 1500)"
    );
    execute(&db, &sql).await;
    let first = request(&db, user).await;
    assert_eq!(request(&db, user).await, first, "a repetition");

    // Meanwhile, nothing is sent.
    let waiting = record(&db, user, Channel::InApp).await;
    let (status, reason, _) = state(&db, waiting).await.expect("a row");
    assert_eq!(
        (status.as_str(), reason.as_deref()),
        ("suppressed", Some("user_gone"))
    );

    let deletion = begin(&db, DAY).await.expect("due");
    assert!(!sweep(&db, &deletion, 1).await, "more than a chunk");
    // Another process continues.
    let erasing = db
        .pool
        .run(async |client| user_deletions::erasing(client).await);
    assert_eq!(
        erasing.await.expect("the query"),
        std::slice::from_ref(&deletion)
    );
    assert!(sweep(&db, &deletion, 9).await);
    // A message that the intake takes now.
    let late = record(&db, user, Channel::InApp).await;
    let (status, _, payload) = state(&db, late).await.expect("a row");
    assert_eq!((status.as_str(), payload.as_str()), ("suppressed", "{}"));
    assert!(sweep(&db, &deletion, 9).await);
    assert!(finish(&db, &deletion).await);
    assert!(!finish(&db, &deletion).await, "once");
    let digests = db
        .pool
        .run(async |client| tidings_db::digests::of_user(client, user, 10).await);
    assert_eq!(digests.await.expect("the query"), []);

    assert_eq!(state(&db, before).await, None);
    assert_eq!(state(&db, waiting).await, None);
    assert!(
        state(&db, kept)
            .await
            .is_some_and(|row| row.2.contains("secret"))
    );
    let (status, _, payload) = state(&db, queued).await.expect("its message finds the row");
    assert_eq!((status.as_str(), payload.as_str()), ("pending", "{}"));
    let claimed = claim(&db, queued).await;
    assert!(claimed.user_is_gone);
    let row = db.pool.run(async |client| users::find(client, user).await);
    let row = row.await.expect("the query").expect("the row stays");
    assert_eq!(row.username, format!("deleted-{user}"));
    assert_eq!((row.email, row.phone_numbers), (None, Vec::new()));
    assert_eq!(actions(&db).await, ["user.erase", "user.delete"]);

    // The id never comes to life again.
    let profile = UserProfile {
        username: "anna".parse().expect("a name"),
        email: None,
        locale: None,
        timezone: None,
        phone_numbers: None,
    };
    let put = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let one = users::put(transaction, user, &profile, ContactRights::All).await?;
            let mut all =
                users::put_all(transaction, &[(Some(user), &profile)], ContactRights::All).await?;
            all.push(one);
            Ok(all)
        })
        .await;
    let put = put.expect("the queries");
    assert_eq!(put, [PutResult::Erased, PutResult::Erased]);
}

async fn claim(db: &TestDatabase, id: MessageId) -> notifications::ClaimedNotification {
    let request = ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let lease = Duration::from_secs(30);
    let claims = db
        .pool
        .run(async |client| {
            notifications::claim(client, DeliveredChannel::Sms, &[request], lease).await
        })
        .await;
    match claims.expect("the query").remove(0) {
        ClaimResult::Claimed(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// A statement of an intake that began before the mark stores a payload after it. The sweep must not begin before its end.
#[tokio::test]
async fn the_sweep_waits_for_transactions_that_began_before_the_mark() {
    let db = migrated().await;
    let user = db.user().await;
    request(&db, user).await;
    let one = notification(user, Channel::InApp);
    let mut client = db.pool.dedicated_client().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    insert_batch(&transaction, &[&one]).await.expect("recorded");
    let deletion = begin(&db, DAY).await.expect("due");
    let find_writers = db
        .pool
        .run(async |client| Writers::find(client, deletion.id).await);
    let writers = find_writers.await.expect("the query");
    let ended = async || {
        let ended = db.pool.run(async |client| writers.have_ended(client).await);
        ended.await.expect("the query")
    };
    assert!(!ended().await);
    transaction.commit().await.expect("committed");
    // The transactions of other databases count, too.
    eventually(secs(20), "all have ended", ended).await;
}

#[tokio::test]
async fn a_request_that_is_rolled_back_leaves_no_entry() {
    let db = migrated().await;
    let user = db.user().await;
    let origin = origin();
    let rolled_back = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let settings = DeletionSettings::default();
            user_deletions::request(transaction, &origin, user, &settings, None).await?;
            Err::<(), DbError>(DbError::TimedOut)
        })
        .await;
    rolled_back.expect_err("rolled back");
    assert_eq!(actions(&db).await, Vec::<String>::new());
    assert_eq!(status(&db, user).await, None);
    let one = record(&db, user, Channel::InApp).await;
    let row = db.pool.run(async |client| find(client, one, None).await);
    assert!(row.await.expect("the query").is_some());
    assert_eq!(state(&db, one).await.expect("a row").0, "processed");
}
