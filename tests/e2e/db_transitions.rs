//! The legal transitions of a row's status.

use std::collections::HashMap;

use rstest::rstest;
use tidings_db::notifications::{
    NotificationRow, find, mark_failed, mark_processed, mark_request_failed, reset_for_replay,
    restart_waiting,
};
use tidings_db::{Client, DbError};
use tidings_domain::notification::{Fingerprint, MessageId, Status, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// Inserts a row with `status`.
async fn row_with(client: &Client, user: UserId, status: Status) -> MessageId {
    let id = MessageId::generate();
    client
        .execute(
            "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at,
                                        retries_attempted, error_message)
             VALUES ($1, $2, 'email', '{}', $3, $4, now(), 2, 'earlier trouble')",
            &[
                &Uuid::now_v7(),
                &user.as_uuid(),
                &status.as_str(),
                &id.as_uuid(),
            ],
        )
        .await
        .expect("a row");
    id
}

async fn row(client: &Client, id: MessageId) -> NotificationRow {
    let row = find(client, id, None).await.expect("the query");
    row.expect("the row")
}

#[derive(Clone, Copy, Debug)]
enum Transition {
    Process,
    Fail,
    Replay,
}

async fn apply(transition: Transition, client: &Client, id: MessageId) -> Result<bool, DbError> {
    match transition {
        Transition::Process => mark_processed(client, id).await,
        Transition::Fail => mark_failed(client, id, "rejected", "the provider refused").await,
        Transition::Replay => reset_for_replay(client, id).await,
    }
}

#[rstest]
#[case(Transition::Process, &[Status::Pending, Status::Retrying], Status::Processed)]
#[case(Transition::Fail, &[Status::Pending, Status::Retrying], Status::Failed)]
#[case(Transition::Replay, &[Status::Failed], Status::Pending)]
#[tokio::test]
async fn a_transition_is_possible_only_from_its_own_statuses(
    #[case] transition: Transition,
    #[case] legal: &[Status],
    #[case] result: Status,
) {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    for status in Status::ALL {
        let id = row_with(&client, user, status).await;
        let before = row(&client, id).await;
        let happened = apply(transition, &client, id).await.expect("the query");
        assert_eq!(happened, legal.contains(&status), "{transition:?} {status}");
        let after = row(&client, id).await;
        if happened {
            assert_eq!(after.status, result.as_str());
        } else {
            assert_eq!(after, before, "{transition:?} {status}");
        }
    }
    let missing = apply(transition, &client, MessageId::generate()).await;
    assert!(!missing.expect("the query"), "no row, no transition");
}

/// The message of another request with the same idempotency key may fail for any reason.
#[tokio::test]
async fn a_message_fails_only_the_row_of_its_own_request() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let fingerprint = |version: u8, last: u8| {
        let mut bytes = [version; 17];
        bytes[16] = last;
        Fingerprint::from_bytes(&bytes)
    };
    let one = fingerprint(1, 1);
    for (of_row, of_message) in [
        (one, one),
        (one, None),
        (None, one),
        (None, None),
        (one, fingerprint(1, 2)),
        (one, fingerprint(2, 2)),
    ] {
        let id = row_with(&client, user, Status::Pending).await;
        let bytes = of_row.as_ref().map(Fingerprint::as_bytes);
        let sql = "UPDATE notifications SET fingerprint = $2 WHERE message_id = $1";
        let set = client.execute(sql, &[&id.as_uuid(), &bytes]).await;
        assert_eq!(set.expect("the query"), 1);
        let failed =
            mark_request_failed(&*client, id, of_message, "unknown_user", "no such user").await;
        let is_its_own = !Fingerprint::differ(of_row, of_message);
        assert_eq!(
            failed.expect("the query"),
            is_its_own,
            "{of_row:?} {of_message:?}"
        );
        let status = row(&client, id).await.status;
        assert_eq!(status == "failed", is_its_own, "{status}");
    }
}

#[tokio::test]
async fn transitions_set_and_clear_the_other_columns() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");

    let id = row_with(&client, user, Status::Retrying).await;
    mark_processed(&*client, id).await.expect("processed");
    let processed = row(&client, id).await;
    assert!(processed.processed_at.is_some());
    assert_eq!(processed.error_message, None);

    let id = row_with(&client, user, Status::Pending).await;
    // 600 characters of two bytes each: the column counts characters.
    mark_failed(&*client, id, "rejected", &"ä".repeat(600))
        .await
        .expect("failed");
    let failed = row(&client, id).await;
    assert_eq!(failed.error_message, Some("ä".repeat(500)));
    assert_eq!(failed.retries_attempted, 2, "how often it was tried stays");

    reset_for_replay(&*client, id).await.expect("replayed");
    let replayed = row(&client, id).await;
    assert_eq!(replayed.retries_attempted, 0);
    assert_eq!(replayed.error_message, None);
    assert_eq!(replayed.processed_at, None);
}

/// An older version has replayed a purged dead letter, without changing the column that it does not know.
#[tokio::test]
async fn a_notification_that_fails_again_is_no_longer_purged() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let id = row_with(&client, user, Status::Pending).await;
    let sql = "UPDATE notifications SET purged_at = now() WHERE message_id = $1";
    client
        .execute(sql, &[&id.as_uuid()])
        .await
        .expect("the query");
    let failed = mark_failed(&*client, id, "rejected", "the provider refused").await;
    assert!(failed.expect("the query"));
    assert_eq!(db.count("status = 'failed' AND purged_at IS NULL").await, 1);
}

/// A dead letter of the broker itself belongs to a notification that waits. It starts again, unless a worker sends it.
#[tokio::test]
async fn a_notification_whose_message_is_lost_starts_again() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let waiting = row_with(&client, user, Status::Retrying).await;
    let leased = row_with(&client, user, Status::Retrying).await;
    let failed = row_with(&client, user, Status::Failed).await;
    let sql =
        "UPDATE notifications SET lease_until = now() + interval '1 hour' WHERE message_id = $1";
    client
        .execute(sql, &[&leased.as_uuid()])
        .await
        .expect("the query");
    let ids = [waiting, leased, failed, MessageId::generate()];
    let restarted = restart_waiting(&*client, &ids).await.expect("the query");
    let expected = HashMap::from([(waiting, true), (leased, false), (failed, false)]);
    assert_eq!(restarted, expected);
    assert_eq!(row(&client, waiting).await.status, "pending");
    assert_eq!(db.count("status = 'retrying'").await, 1);
}
