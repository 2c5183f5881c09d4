//! Attempts with an unknown outcome, after which a message may have arrived.

use tidings_db::delivery_attempts::{
    AttemptOutcome, UnknownAttempts, begin, finish, list_undelivered_unknown, list_unknown,
    take_back,
};
use uuid::Uuid;

use super::{
    database, finished, new, outcomes, recorded, reset_for_replay, rows, unknown_attempts,
};

#[tokio::test]
async fn an_unfinished_attempt_becomes_unknown_when_the_next_begins() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let other = recorded(&client, user).await;
    let both = [new(message, 0, None), new(other, 0, None)];
    let left = begin(&*client, &both).await.expect("begun");
    let mut error = finished(left[0], AttemptOutcome::Failed);
    error.error = Some("503");
    finish(&*client, &[error]).await.expect("finished");
    let left = begin(&*client, &[new(message, 1, None)]).await;
    let left = left.expect("begun")[0];

    begin(&*client, &[new(message, 1, None), new(message, 1, None)])
        .await
        .expect("begun");
    let read = rows(&client, message).await;
    assert_eq!(
        outcomes(&read),
        ["failed", "unknown", "sending", "sending"],
        "one call's attempts leave each other alone"
    );
    assert_eq!(
        read[1].error.as_deref(),
        Some("the worker ended before the answer was recorded")
    );
    assert_eq!(read[0].error.as_deref(), Some("503"));
    let others = rows(&client, other).await;
    assert_eq!(outcomes(&others), ["sending"], "another's stays");

    // The first worker was only slow.
    let late = finished(left, AttemptOutcome::Delivered);
    finish(&*client, &[late]).await.expect("finished");
    let read = rows(&client, message).await;
    assert_eq!(
        (read[1].outcome.as_str(), read[1].error.as_deref()),
        ("delivered", None)
    );
}

#[tokio::test]
async fn attempts_that_may_have_arrived_are_counted_by_contact_until_a_replay() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let none = unknown_attempts(&client, message).await;
    assert_eq!(none, []);
    let [one, other] = [Uuid::now_v7(), Uuid::now_v7()];
    let unknown = [
        (one, AttemptOutcome::Unknown),
        (other, AttemptOutcome::Failed),
    ];
    for (contact, outcome) in [unknown, unknown].concat() {
        let ids = begin(&*client, &[new(message, 0, Some(contact))]).await;
        let done = finished(ids.expect("begun")[0], outcome);
        finish(&*client, &[done]).await.expect("finished");
    }
    begin(&*client, &[new(message, 1, Some(one))])
        .await
        .expect("begun");
    let counted = unknown_attempts(&client, message).await;
    let three = UnknownAttempts {
        contact_id: Some(one),
        count: 3,
    };
    assert_eq!(counted, [three], "with the one of a worker that ended");
    let read = rows(&client, message).await;
    assert_eq!(read.last().map(|row| row.outcome.as_str()), Some("unknown"));

    reset_for_replay(&client, message).await;
    let counted = unknown_attempts(&client, message).await;
    assert_eq!(counted, []);
}

#[tokio::test]
async fn a_message_may_arrive_twice_unless_each_address_with_an_unknown_outcome_has_it() {
    let (_db, user, client) = database().await;
    let [message, delivered, refused] = [
        recorded(&client, user).await,
        recorded(&client, user).await,
        recorded(&client, user).await,
    ];
    let [one, other] = [Some(Uuid::now_v7()), Some(Uuid::now_v7())];
    for (id, contact, outcome) in [
        (message, one, AttemptOutcome::Unknown),
        (message, other, AttemptOutcome::Delivered),
        (delivered, None, AttemptOutcome::Unknown),
        (delivered, None, AttemptOutcome::Delivered),
        (refused, None, AttemptOutcome::Failed),
    ] {
        let ids = begin(&*client, &[new(id, 0, contact)]).await;
        let done = finished(ids.expect("begun")[0], outcome);
        finish(&*client, &[done]).await.expect("finished");
    }
    // A replay does not change what may have arrived.
    reset_for_replay(&client, message).await;
    let found = list_undelivered_unknown(&*client, &[message, delivered, refused]).await;
    assert_eq!(found.expect("the query"), [message].into());
}

#[tokio::test]
async fn attempts_that_were_not_made_are_taken_back_and_do_not_count() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let mine = new(message, 0, None);
    let another = new(message, 0, None);
    for attempt in [another, mine] {
        begin(&*client, &[attempt]).await.expect("begun");
    }
    take_back(&*client, message, mine.token)
        .await
        .expect("taken back");
    let counted = unknown_attempts(&client, message).await;
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0].count, 1, "the one of another claim");
    assert_eq!(
        outcomes(&rows(&client, message).await),
        ["unknown", "deferred"]
    );
}

#[tokio::test]
async fn an_attempt_whose_commit_was_not_confirmed_is_replaced_by_its_own_claim() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let attempt = new(message, 0, None);
    begin(&*client, &[attempt]).await.expect("begun");
    let own = list_unknown(&*client, &[(message, attempt.token)]).await;
    assert!(own.expect("the query").is_empty(), "nothing was sent");
    let ids = begin(&*client, &[attempt]).await.expect("begun");
    let read = rows(&client, message).await;
    assert_eq!(outcomes(&read), ["sending"]);
    assert_eq!(read[0].id, ids[0]);
}
