//! Repeated attempts share a row.

use tidings_db::delivery_attempts::{
    AttemptOutcome, FinishedAttempt, begin, finish, merge_repeated,
};
use uuid::Uuid;

use super::{database, finished, new, recorded, rows};

#[tokio::test]
async fn consecutive_attempts_that_were_throttled_share_a_row() {
    use AttemptOutcome::{Delivered, Failed, Throttled};
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let (one, other) = (Some(Uuid::now_v7()), Some(Uuid::now_v7()));
    let make = async |attempt, contact, outcome, error| {
        let ids = begin(&*client, &[new(message, attempt, contact)]).await;
        let ids = ids.expect("begun");
        let finished = FinishedAttempt {
            error: Some(error),
            ..finished(ids[0], outcome)
        };
        finish(&*client, &[finished]).await.expect("finished");
        merge_repeated(&*client, &ids).await.expect("merged");
    };
    for (attempt, contact, outcome, error) in [
        (0, one, Throttled, "first"),
        (0, other, Throttled, "another contact"),
        (0, one, Throttled, "second"),
        (0, one, Throttled, "third"),
        (0, one, Failed, "in between"),
        (1, one, Throttled, "fourth"),
        (2, one, Throttled, "another attempt"),
        (2, one, Delivered, "delivered"),
    ] {
        make(attempt, contact, outcome, error).await;
    }
    let rows = rows(&client, message).await;
    let summary: Vec<_> = rows
        .iter()
        .map(|row| (row.attempt, row.error.as_deref(), row.repetitions))
        .collect();
    assert_eq!(
        summary,
        [
            (0, Some("third"), 2),
            (0, Some("another contact"), 0),
            (0, Some("in between"), 0),
            (1, Some("fourth"), 0),
            (2, Some("another attempt"), 0),
            (2, Some("delivered"), 0),
        ]
    );
    assert!(rows[0].last_repeated_at > Some(rows[0].started_at));
    assert_eq!(rows[1].last_repeated_at, None);
}

#[tokio::test]
async fn attempts_that_failed_are_never_merged() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    for _ in 0..2 {
        let ids = begin(&*client, &[new(message, 0, None)])
            .await
            .expect("begun");
        let failed = finished(ids[0], AttemptOutcome::Failed);
        finish(&*client, &[failed]).await.expect("finished");
        merge_repeated(&*client, &ids).await.expect("merged");
    }
    assert_eq!(rows(&client, message).await.len(), 2);
}
