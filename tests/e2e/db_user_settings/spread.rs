use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tidings_db::{TransactionOptions, notifications};
use tidings_domain::notification::{Channel, MessageId};
use uuid::Uuid;

use super::{LEASE, NEARLY_ALWAYS, Table, hours};

/// 10,000 users whose quiet hours end: each row is released once, by several schedulers, and not before its own second.
#[tokio::test]
async fn many_held_rows_are_released_once_and_spread() {
    let table = Table::new().await;
    table
        .execute(
            "INSERT INTO users (id, username)
             SELECT gen_random_uuid(), 'spread-' || n FROM generate_series(1, 10000) AS n;
             INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, reason)
             SELECT gen_random_uuid(), id, 'sms', '{}', 'scheduled', gen_random_uuid(), now(), 'quiet_hours'
             FROM users WHERE username LIKE 'spread-%'",
        )
        .await;
    let (quiet, zone) = (hours(NEARLY_ALWAYS), "UTC".parse().expect("a zone"));
    let spread = Duration::from_secs(20);
    let now: Timestamp = "2026-01-04T23:00:00Z".parse().expect("a time");
    let rows = table
        .client
        .query("SELECT message_id, user_id FROM notifications", &[])
        .await
        .expect("the rows");
    let held: HashMap<Uuid, Timestamp> = rows
        .iter()
        .map(|row| {
            let user: Uuid = row.get(1);
            let until = quiet.release(&zone, now, user.into(), spread);
            (row.get(0), until.expect("quiet"))
        })
        .collect();
    let seconds: BTreeSet<Timestamp> = held.values().copied().collect();
    assert_eq!(seconds.len(), 20);
    let middle = *seconds.iter().nth(10).expect("a second");
    let early: HashSet<MessageId> = held
        .iter()
        .filter(|(_, until)| **until < middle)
        .map(|(id, _)| MessageId::from(*id))
        .collect();

    // A second becomes an hour, so that it does not matter how long the test takes: half of them are due.
    let sql = "UPDATE notifications SET not_before = now() - interval '1 minute' + (held.until - $3::timestamptz) * 3600
               FROM unnest($1::uuid[], $2::timestamptz[]) AS held (id, until) WHERE message_id = held.id";
    let ids: Vec<Uuid> = held.keys().copied().collect();
    let times: Vec<Timestamp> = ids.iter().map(|id| held[id]).collect();
    let last_early = *seconds.iter().nth(9).expect("a second");
    let updated = table
        .client
        .execute(sql, &[&ids, &times, &last_early])
        .await;
    assert_eq!(updated.expect("the update"), 10_000);
    let released = release_at_once(&table).await;
    let first: HashSet<MessageId> = released.iter().copied().collect();
    assert_eq!(released.len(), first.len());
    assert!(first == early, "{} of {}", first.len(), early.len());

    // The others are due a day later, and only they.
    let later = "UPDATE notifications SET not_before = not_before - interval '1 day' WHERE status = 'scheduled'";
    table.execute(later).await;
    let released = release_at_once(&table).await;
    let all: HashSet<MessageId> = first.into_iter().chain(released.iter().copied()).collect();
    assert_eq!(released.len() + early.len(), 10_000);
    assert_eq!(all.len(), 10_000);
}

/// Releases what is due, by three schedulers at the same time.
async fn release_at_once(table: &Table) -> Vec<MessageId> {
    let scheduler = async || {
        let mut released = Vec::new();
        loop {
            let batch = table
                .db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    notifications::lease_due(transaction, Channel::Sms, 1000, LEASE).await
                })
                .await
                .expect("the queries");
            if batch.is_empty() {
                return released;
            }
            let due: Vec<MessageId> = batch.to_publish.iter().map(|due| due.message_id).collect();
            let until = batch.leased_until;
            let mark = async |client: &_| notifications::mark_released(client, &due, until).await;
            let marked = table.db.pool.run(mark).await;
            assert!(marked.expect("the query") <= 1000);
            released.extend(due);
        }
    };
    let (one, two, three) = tokio::join!(scheduler(), scheduler(), scheduler());
    [one, two, three].concat()
}
