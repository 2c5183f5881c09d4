//! Addresses that need no further attempt.

use std::collections::BTreeSet;

use tidings_db::delivery_attempts::{AttemptOutcome, begin, finish, insert_not_sent};
use uuid::Uuid;

use super::{
    database, finished, new, recorded, reset_for_replay, rows, settled_contacts, unknown_attempts,
};

#[tokio::test]
async fn addresses_without_further_attempts_are_listed_until_a_replay() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let none = settled_contacts(&client, message).await;
    assert_eq!(none, []);
    let [has_it, refuses, gone, has_not] = [(); 4].map(|()| Uuid::now_v7());
    let attempts = [
        (Some(has_it), AttemptOutcome::Rejected),
        (Some(has_it), AttemptOutcome::Delivered),
        (Some(refuses), AttemptOutcome::Rejected),
        (Some(gone), AttemptOutcome::Gone),
        (Some(has_not), AttemptOutcome::Unknown),
        (None, AttemptOutcome::Delivered),
    ];
    let begun = attempts.map(|(contact, _)| new(message, 0, contact));
    let ids = begin(&*client, &begun).await.expect("begun");
    let all: Vec<_> = ids
        .into_iter()
        .zip(attempts)
        .map(|(id, (_, outcome))| finished(id, outcome))
        .collect();
    finish(&*client, &all).await.expect("finished");
    let told = async || {
        let settled = settled_contacts(&client, message).await;
        let told = settled
            .into_iter()
            .map(|one| (one.contact_id, one.outcome.as_str()));
        told.collect::<BTreeSet<_>>()
    };
    let delivered = [(None, "delivered"), (Some(has_it), "delivered")];
    let others = [(Some(refuses), "rejected"), (Some(gone), "gone")];
    let all = delivered.into_iter().chain(others).collect::<BTreeSet<_>>();
    assert_eq!(told().await, all);

    reset_for_replay(&client, message).await;
    assert_eq!(
        told().await,
        BTreeSet::from(delivered),
        "the others are tried again"
    );
}

#[tokio::test]
async fn an_attempt_that_asked_nobody_settles_no_address() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let attempt = new(message, 0, None);
    insert_not_sent(&*client, &attempt, "there is no template")
        .await
        .expect("recorded");
    let row = &rows(&client, message).await[0];
    assert_eq!(
        (row.outcome.as_str(), row.duration_ms),
        ("not_sent", Some(0))
    );
    assert_eq!(row.error.as_deref(), Some("there is no template"));
    let settled = settled_contacts(&client, message).await;
    assert_eq!(settled, []);
    let unknown = unknown_attempts(&client, message).await;
    assert_eq!(unknown, []);
}
