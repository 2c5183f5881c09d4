//! The queries about dead letters and jobs.

mod job_scope;
mod jobs;
mod providers;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tidings_db::Client;
use tidings_db::dead_letters::CopyState::{Listed, Settled, Unclear, Unknown};
use tidings_db::dead_letters::{
    DeadLetterFilter, DeadLetterKind, LetterIdentity, MAX_COUNTED, NewLetter, QueueCopy,
    capped_figures, close_letters, copy_states, delete_old_letters, figures, find, groups, list,
    record_letter,
};
use tidings_domain::notification::{MessageId, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// Inserts a row that failed `seconds` ago.
async fn failed(
    client: &Client,
    user: UserId,
    kind: &str,
    reason: Option<&str>,
    seconds: f64,
) -> MessageId {
    let id = MessageId::generate();
    client
        .execute(
            "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, failure_reason, failed_at,
                                        error_message)
             VALUES ($1, $2, $3, '{}', 'failed', $4, now() - make_interval(secs => $6), $5::text,
                     CASE WHEN $5::text IS NOT NULL THEN now() - make_interval(secs => $6) END, 'an error')",
            &[&Uuid::now_v7(), &user.as_uuid(), &kind, &id.as_uuid(), &reason, &seconds],
        )
        .await
        .expect("a row");
    // A trigger sets it to the present.
    let sql = "UPDATE notifications SET ended_at = created_at WHERE message_id = $1";
    let set = client.execute(sql, &[&id.as_uuid()]).await;
    assert_eq!(set.expect("the query"), 1);
    id
}

fn letter<'a>(message_id: &'a str, reason: &'a str, body: &'a [u8]) -> NewLetter<'a> {
    NewLetter {
        identity: LetterIdentity {
            message_id: Some(message_id),
            stage: Some("intake"),
            idempotency_key: None,
            body,
        },
        reason,
        detail: Some("a detail"),
        attempts: Some(1),
        failed_at: None,
        headers: json!({"channel": "intake"}),
        user: None,
        sensitive: false,
        template: None,
    }
}

async fn record(client: &Client, letter: &NewLetter<'_>) -> bool {
    record_letter(client, letter, None)
        .await
        .expect("the query")
}

fn by_reason(reason: &str) -> DeadLetterFilter {
    DeadLetterFilter {
        reason: Some(reason.to_owned()),
        ..DeadLetterFilter::default()
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of filters")]
async fn the_list_is_the_union_of_failed_rows_and_letters_without_one() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let old = failed(&client, user, "email", None, 300.0).await;
    let first = failed(&client, user, "sms", Some("rejected"), 200.0).await;
    let second = failed(&client, user, "sms", Some("rejected"), 100.0).await;
    let new = letter("m-1", "undecodable", b"{");
    assert!(record(&client, &new).await);
    // A redelivery is the same letter, with the later failure.
    assert!(record(&client, &letter("m-1", "undecodable", b"{")).await);
    let large = vec![b'x'; 65_537];
    assert!(record(&client, &letter("m-2", "too_large", &large)).await);

    let all = DeadLetterFilter::default();
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let (page, next) = list(&*client, &all, cursor, 2).await.expect("a page");
        assert!(page.len() <= 2);
        ids.extend(
            page.into_iter()
                .map(|row| (row.id, row.kind, row.has_content)),
        );
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let row = DeadLetterKind::Notification;
    let letters = [letter("m-2", "", &large).identity.id(), new.identity.id()];
    let expected = [
        (letters[0], DeadLetterKind::Message, false),
        (letters[1], DeadLetterKind::Message, true),
        (second.as_uuid(), row, true),
        (first.as_uuid(), row, true),
        (old.as_uuid(), row, true),
    ];
    assert_eq!(ids, expected);

    let capped = capped_figures(&*client, &all, 1).await.expect("figures");
    assert_eq!(
        (capped.total, capped.is_capped),
        (4, true),
        "one of each group"
    );
    let exact = capped_figures(&*client, &all, 2).await.expect("figures");
    assert!(!exact.is_capped);
    let counted = figures(&*client, &all).await.expect("figures");
    assert_eq!((&exact, counted.total), (&counted, 5));
    let reasons = [
        ("rejected", 2),
        ("too_large", 1),
        ("undecodable", 1),
        ("unknown", 1),
    ];
    let reasons = reasons.map(|(name, n)| (name.to_owned(), n));
    assert_eq!(counted.by_reason, BTreeMap::from(reasons));
    let channels = [("email", 1), ("intake", 2), ("sms", 2)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(counted.by_channel, BTreeMap::from(channels));

    let found = groups(&*client, &all, MAX_COUNTED).await.expect("groups");
    assert!(!found.is_capped);
    let group = &found.groups[0];
    assert_eq!(
        (group.reason.as_str(), group.channel.as_deref(), group.count),
        ("rejected", Some("sms"), 2)
    );
    assert!(group.first_failed_at < group.last_failed_at);
    assert_eq!(group.error.as_deref(), Some("an error"));

    for (filter, matches) in [
        (by_reason("rejected"), 2),
        (by_reason("unknown"), 1),
        (
            DeadLetterFilter {
                channel: Some("intake".to_owned()),
                ..all.clone()
            },
            2,
        ),
        (
            DeadLetterFilter {
                channel: Some("none".to_owned()),
                ..all.clone()
            },
            0,
        ),
        (
            DeadLetterFilter {
                ids: vec![first.as_uuid(), letters[0]],
                ..all.clone()
            },
            2,
        ),
        (
            DeadLetterFilter {
                from: Some(group.last_failed_at),
                ..all.clone()
            },
            3,
        ),
        (
            DeadLetterFilter {
                to: Some(group.last_failed_at),
                ..all.clone()
            },
            2,
        ),
    ] {
        let counted = capped_figures(&*client, &filter, MAX_COUNTED).await;
        let counted = counted.expect("figures").total;
        let exact = figures(&*client, &filter).await.expect("figures");
        assert_eq!(exact.total, counted, "{filter:?}");
        let (page, _) = list(&*client, &filter, None, 10).await.expect("a page");
        assert_eq!(
            (counted, page.len()),
            (matches, usize::try_from(matches).expect("few")),
            "{filter:?}"
        );
    }
    let one = find(&*client, letters[1])
        .await
        .expect("the query")
        .expect("the letter");
    assert_eq!(one.message_id.as_deref(), Some("m-1"));
    assert_eq!(
        find(&*client, Uuid::now_v7()).await.expect("the query"),
        None
    );

    let none = delete_old_letters(&*client, Some(Duration::from_hours(1)), Duration::ZERO).await;
    assert_eq!(
        none.expect("the query"),
        (0, false),
        "none is old or sensitive"
    );
    let deleted =
        delete_old_letters(&*client, Some(Duration::ZERO), Duration::from_hours(24)).await;
    assert_eq!(deleted.expect("the query"), (2, false));

    // Also if letters are kept for ever, those that were replayed or purged go.
    assert!(record(&client, &letter("m-3", "undecodable", b"{")).await);
    let removed = letter("m-3", "", b"{").identity.id();
    let closed = close_letters(&*client, &[removed], true).await;
    assert_eq!(closed.expect("the query"), 1);
    for (days, deleted) in [(29, 0), (31, 1)] {
        let sql = "UPDATE dead_letters SET removed_at = now() - make_interval(days => $1)";
        client.execute(sql, &[&days]).await.expect("the query");
        let old = delete_old_letters(&*client, None, Duration::from_hours(1)).await;
        assert_eq!(old.expect("the query"), (deleted, false), "{days}");
    }
}

#[tokio::test]
async fn a_copy_in_the_queue_is_settled_only_by_what_came_after_it() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let now = jiff::Timestamp::now();
    let copy = |message_id, letter, seconds: i64| QueueCopy {
        message_id,
        fingerprint: None,
        letter,
        failed_at: Some(now - jiff::SignedDuration::from_secs(seconds)),
        is_moved_by_broker: false,
    };
    let set = async |id: MessageId, change: &str| {
        let sql = format!("UPDATE notifications SET {change} WHERE message_id = $1");
        client
            .execute(&sql, &[&id.as_uuid()])
            .await
            .expect("the query");
    };
    let is_failed = failed(&client, user, "sms", Some("rejected"), 50.0).await;
    let pending = failed(&client, user, "sms", Some("rejected"), 50.0).await;
    set(pending, "status = 'pending'").await;
    let replayed = failed(&client, user, "sms", Some("rejected"), 50.0).await;
    set(replayed, "status = 'pending', replayed_at = now()").await;
    let purged = failed(&client, user, "sms", Some("rejected"), 50.0).await;
    set(purged, "purged_at = now()").await;
    let ended = failed(&client, user, "sms", Some("rejected"), 50.0).await;
    set(ended, "status = 'processed'").await;
    let open = letter("open", "undecodable", b"{");
    let removed = letter("removed", "undecodable", b"{");
    let (flown, purged_one) = (
        letter("flown", "unrouted", b"{"),
        letter("purged", "unrouted", b"{"),
    );
    for one in [&open, &removed, &flown, &purged_one] {
        record(&client, one).await;
    }
    let (in_flight, purged_letter) = (flown.identity.id(), purged_one.identity.id());
    let closed = close_letters(&*client, &[in_flight], false).await;
    assert_eq!(closed.expect("the query"), 1);
    let closed = close_letters(&*client, &[purged_letter], true).await;
    assert_eq!(closed.expect("the query"), 1);
    let sql = "INSERT INTO replay_jobs (id, kind, filter, figures, rate_per_second, total, created_by, in_flight)
               VALUES (gen_random_uuid(), 'replay', '{}', '{}', 1, 1, 'tests', ARRAY[$1::uuid])";
    client.execute(sql, &[&in_flight]).await.expect("the query");
    let of_broker = |copy| QueueCopy {
        is_moved_by_broker: true,
        ..copy
    };
    let without_time = |copy| QueueCopy {
        failed_at: None,
        ..of_broker(copy)
    };
    let sql = "UPDATE dead_letters SET removed_at = now() WHERE message_id = 'removed'";
    client.execute(sql, &[]).await.expect("the query");
    let (open, removed, other) = (open.identity.id(), removed.identity.id(), Uuid::now_v7());
    let copies = [
        copy(Some(is_failed), other, 50),
        copy(Some(pending), other, 50),
        copy(Some(replayed), other, 50),
        copy(Some(replayed), other, -50),
        copy(Some(purged), other, 50),
        copy(Some(ended), other, -50),
        copy(None, other, 50),
        copy(None, open, 50),
        copy(None, removed, 50),
        copy(None, removed, -50),
        // The broker has moved these: no row will be failed because of them.
        of_broker(copy(Some(pending), other, 50)),
        of_broker(copy(Some(is_failed), other, 50)),
        of_broker(copy(Some(replayed), other, 50)),
        of_broker(copy(Some(pending), in_flight, 0)),
        without_time(copy(Some(pending), removed, 0)),
        without_time(copy(Some(ended), removed, 0)),
        without_time(copy(None, purged_letter, 0)),
    ];
    let expected = [
        Listed, Listed, Settled, Listed, Settled, Settled, Unknown, Listed, Settled, Unclear,
        Unknown, Listed, Settled, Listed, Unclear, Settled, Settled,
    ];
    assert_eq!(
        copy_states(&*client, &copies).await.expect("states"),
        expected
    );
}
