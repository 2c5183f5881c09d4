//! Attempts begin, get their outcomes and are read back.

use std::time::Duration;

use jiff::Timestamp;
use tidings_db::delivery_attempts::{
    AttemptOutcome, FinishedAttempt, NewAttempt, UsedTemplate, begin, finish,
};
use uuid::Uuid;

use super::{database, finished, new, recorded, rows};

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
