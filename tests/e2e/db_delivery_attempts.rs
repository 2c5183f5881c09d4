//! The queries of `tidings_db::delivery_attempts`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::delivery_attempts::{
    AttemptOutcome, AttemptRow, FinishedAttempt, NewAttempt, SettledContact, UnknownAttempts,
    UsedTemplate, begin, finish, insert_not_sent, list, list_settled_contacts,
    list_undelivered_unknown, list_unknown, merge_repeated, take_back,
};
use tidings_db::notifications::LeaseToken;
use tidings_db::{Client, DedicatedClient, notifications};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// A database with one user, and a connection to it.
async fn database() -> (TestDatabase, UserId, DedicatedClient) {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    (db, user, client)
}

/// Records a notification.
async fn recorded(client: &Client, user_id: UserId) -> MessageId {
    let notification = Notification {
        message_id: MessageId::generate(),
        user_id,
        channel: Channel::Push,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string("{}".to_owned()).expect("JSON"),
        template: None,
    };
    let made = notifications::insert_batch(client, &[&notification]).await;
    assert_eq!(made.expect("recorded").len(), 1);
    notification.message_id
}

fn new(message_id: MessageId, attempt: u32, contact_id: Option<Uuid>) -> NewAttempt<'static> {
    NewAttempt {
        message_id,
        attempt,
        provider: "fcm",
        contact_id,
        template: None,
        token: LeaseToken::generate(),
    }
}

fn finished(id: i64, outcome: AttemptOutcome) -> FinishedAttempt<'static> {
    FinishedAttempt {
        id,
        duration: Duration::from_millis(12),
        outcome,
        reference: None,
        error: None,
    }
}

async fn settled_contacts(client: &Client, id: MessageId) -> Vec<SettledContact> {
    let settled = list_settled_contacts(client, &[id]).await;
    settled.expect("the query").remove(&id).unwrap_or_default()
}

/// As a new claim sees them.
async fn unknown_attempts(client: &Client, id: MessageId) -> Vec<UnknownAttempts> {
    let unknown = list_unknown(client, &[(id, LeaseToken::generate())]).await;
    unknown.expect("the query").remove(&id).unwrap_or_default()
}

async fn rows(client: &Client, id: MessageId) -> Vec<AttemptRow> {
    let (rows, next) = list(client, id, None, 200).await.expect("the query");
    assert_eq!(next, None);
    rows
}

fn outcomes(rows: &[AttemptRow]) -> Vec<&str> {
    rows.iter().map(|row| row.outcome.as_str()).collect()
}

#[tokio::test]
async fn an_attempt_is_sending_and_then_has_its_outcome() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let template = UsedTemplate {
        name: "welcome".to_owned(),
        locale: "de".to_owned(),
        version: 3,
    };
    let contact = Uuid::now_v7();
    let attempt = NewAttempt {
        template: Some(&template),
        ..new(message, 2, Some(contact))
    };
    let before = Timestamp::now();
    let ids = begin(&*client, &[attempt]).await.expect("begun");
    let under_way = &rows(&client, message).await[0];
    assert_eq!(ids, [under_way.id]);
    assert_eq!((under_way.attempt, under_way.provider.as_str()), (2, "fcm"));
    assert_eq!(under_way.contact_id, Some(contact));
    assert_eq!(under_way.template.as_ref(), Some(&template));
    assert_eq!(under_way.outcome, "sending");
    assert_eq!(under_way.duration_ms, None);
    let age = before.duration_since(under_way.started_at).abs();
    assert!(age < jiff::SignedDuration::from_secs(60), "{age}");

    let done = FinishedAttempt {
        reference: Some("projects/p/messages/1"),
        error: Some("in two parts\0"),
        ..finished(ids[0], AttemptOutcome::Delivered)
    };
    finish(&*client, &[done]).await.expect("finished");
    let row = &rows(&client, message).await[0];
    assert_eq!(
        (row.outcome.as_str(), row.duration_ms),
        ("delivered", Some(12))
    );
    assert_eq!(
        row.provider_reference.as_deref(),
        Some("projects/p/messages/1")
    );
    assert_eq!(row.error.as_deref(), Some("in two parts "));
}

#[tokio::test]
async fn every_outcome_is_recorded_and_read_back() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let attempts = AttemptOutcome::ALL.map(|_| new(message, 0, Some(Uuid::now_v7())));
    let ids = begin(&*client, &attempts).await.expect("begun");
    let all: Vec<_> = ids
        .iter()
        .zip(AttemptOutcome::ALL)
        .map(|(id, outcome)| finished(*id, outcome))
        .collect();
    finish(&*client, &all).await.expect("finished");
    let read: Vec<AttemptOutcome> = rows(&client, message)
        .await
        .iter()
        .map(|row| row.outcome.parse().expect("an outcome"))
        .collect();
    assert_eq!(read, AttemptOutcome::ALL);
    assert!("pigeon".parse::<AttemptOutcome>().is_err());
}

#[tokio::test]
async fn ids_have_the_order_of_the_attempts_and_of_the_timeline() {
    let (_db, user, client) = database().await;
    let one = recorded(&client, user).await;
    let two = recorded(&client, user).await;
    let contacts: Vec<Uuid> = (0..200).map(|_| Uuid::new_v4()).collect();
    let attempts: Vec<_> = contacts
        .iter()
        .enumerate()
        .map(|(place, contact)| new(if place % 2 == 0 { one } else { two }, 0, Some(*contact)))
        .collect();
    let ids = begin(&*client, &attempts).await.expect("begun");
    assert!(ids.len() == 200 && ids.is_sorted());
    for (message, first) in [(one, 0), (two, 1)] {
        let read = rows(&client, message).await;
        let read: Vec<_> = read.iter().map(|row| (row.id, row.contact_id)).collect();
        let mine = (first..200).step_by(2);
        let expected: Vec<_> = mine.map(|i| (ids[i], Some(contacts[i]))).collect();
        assert_eq!(read, expected);
    }
}

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

    assert!(
        notifications::mark_failed(&*client, message, "given up")
            .await
            .expect("the query")
    );
    assert!(
        notifications::reset_for_replay(&*client, message)
            .await
            .expect("the query")
    );
    assert_eq!(
        told().await,
        BTreeSet::from(delivered),
        "the others are tried again"
    );
}

async fn reset_for_replay(client: &Client, id: MessageId) {
    let failed = notifications::mark_failed(client, id, "given up").await;
    assert!(failed.expect("the query"));
    let reset = notifications::reset_for_replay(client, id).await;
    assert!(reset.expect("the query"));
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

#[tokio::test]
async fn long_texts_are_truncated_to_the_column_length() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let ids = begin(&*client, &[new(message, u32::MAX, None)]).await;
    // Characters of two bytes each: the columns count characters.
    let long = "ä".repeat(600);
    let done = FinishedAttempt {
        id: ids.expect("begun")[0],
        duration: Duration::MAX,
        outcome: AttemptOutcome::Rejected,
        reference: Some(&long),
        error: Some(&long),
    };
    finish(&*client, &[done]).await.expect("finished");
    let row = &rows(&client, message).await[0];
    assert_eq!(row.error, Some("ä".repeat(500)));
    assert_eq!(row.provider_reference, Some("ä".repeat(500)));
    assert_eq!(row.duration_ms, Some(i32::MAX));
}

#[tokio::test]
async fn attempts_are_deleted_with_their_notification_and_need_one() {
    let (_db, user, client) = database().await;
    let message = recorded(&client, user).await;
    let ids = begin(&*client, &[new(message, 0, None)]).await;
    let ids = ids.expect("begun");
    client
        .execute("DELETE FROM users WHERE id = $1", &[&user.as_uuid()])
        .await
        .expect("deleted");
    assert_eq!(rows(&client, message).await, []);
    let late = finished(ids[0], AttemptOutcome::Delivered);
    finish(&*client, &[late]).await.expect("passed over");
    let orphan = begin(&*client, &[new(message, 0, None)]).await;
    let trouble = orphan.expect_err("no notification").kind();
    assert_eq!(trouble, tidings_db::DbErrorKind::MissingReference);
}

#[tokio::test]
async fn beginning_or_finishing_no_attempts_succeeds() {
    let (_db, _, client) = database().await;
    let ids = begin(&*client, &[]).await.expect("the query");
    assert!(ids.is_empty());
    finish(&*client, &[]).await.expect("the query");
}

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
