//! Recovery e-mails and their links.

use tidings_db::TransactionOptions;
use tidings_db::notifications::insert_batch;
use tidings_db::user_deletions::{
    self, DeletionSettings, DeletionStatus, LinkedDeletion, RecoveryLink,
};
use tidings_domain::notification::{Channel, Notification, Status};
use uuid::Uuid;

use super::{DAY, at, begin, cancel, claim, execute, migrated, notification, request};

#[tokio::test]
async fn a_third_recovery_mail_of_a_day_is_not_sent_and_the_others_are_not_suppressed() {
    let db = migrated().await;
    let user = db.user().await;
    let deletion = request(&db, user).await;
    let count = async |now: &str| {
        let now = at(now);
        let counted = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                user_deletions::count_recovery_mail(transaction, user, now, 2).await
            })
            .await;
        counted.expect("the queries")
    };
    let first = count(DAY).await.expect("the first");
    let second = count(DAY).await.expect("the second");
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(count(DAY).await, None);
    let next_day = count("2027-03-02T00:00:00Z").await;
    assert!(next_day.is_some());
    let mail = Notification {
        message_id: first.message_id,
        ..notification(user, Channel::Sms)
    };
    let recorded = db
        .pool
        .run(async |client| insert_batch(client, &[&mail]).await)
        .await;
    let recorded = recorded.expect("recorded");
    assert_eq!(recorded.get(&mail.message_id), Some(&Status::Pending));
    assert!(!claim(&db, mail.message_id).await.user_is_gone);
    assert!(cancel(&db, &deletion).await);
    assert_eq!(count("2027-03-03T00:00:00Z").await, None);
}

/// The key of the links is in the row of the deletion, and every e-mail of the deletion has the same link.
#[tokio::test]
async fn the_link_of_a_mail_finds_its_deletion_until_the_user_is_gone() {
    let db = migrated().await;
    let user = db.user().await;
    let sql = format!("UPDATE users SET email = 'anna@example.com' WHERE id = '{user}'");
    execute(&db, &sql).await;
    let deletion = request(&db, user).await;
    let settings = DeletionSettings {
        recovery_mails_per_day: 2,
        public_url: Some("https://notify.example.com".to_owned()),
        email_is_on: true,
        ..DeletionSettings::default()
    };
    let off = DeletionSettings {
        email_is_on: false,
        ..settings.clone()
    };
    let send = async |settings: &DeletionSettings| {
        let sent = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                user_deletions::send_recovery_mail(transaction, user, settings).await
            })
            .await;
        sent.expect("the queries")
    };
    assert!(!send(&off).await);
    for expected in [true, true, false] {
        assert_eq!(send(&settings).await, expected);
    }
    let sql = "SELECT message_id, payload->>'token', payload->>'url' FROM notifications
               WHERE template_name = 'account-deletion'";
    let mails = db
        .pool
        .run(async |client| Ok(client.query(sql, &[]).await?))
        .await
        .expect("the query");
    let mut ids: Vec<Uuid> = mails.iter().map(|row| row.get(0)).collect();
    let mut expected = ["1", "2"].map(|n| Uuid::new_v5(&deletion.id, n.as_bytes()));
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let links: Vec<String> = mails.iter().map(|row| row.get(1)).collect();
    assert_eq!(links[0], links[1]);
    let url: String = mails[0].get(2);
    assert_eq!(
        url,
        format!("https://notify.example.com/recover/{}", links[0])
    );

    let link: RecoveryLink = links[0].parse().expect("a link");
    let found = async || -> Option<LinkedDeletion> {
        let found = db
            .pool
            .run(async |client| user_deletions::find_by_link(client, &link).await);
        found.await.expect("the query")
    };
    let waiting = found().await.expect("signed");
    assert_eq!(
        (waiting.deletion.id, waiting.is_outdated),
        (deletion.id, false)
    );
    assert!(cancel(&db, &deletion).await);
    let cancelled = found().await.expect("signed");
    assert_eq!(cancelled.deletion.status, DeletionStatus::Cancelled);
    let again = request(&db, user).await;
    assert!(found().await.expect("signed").is_outdated);
    assert_eq!(begin(&db, DAY).await.expect("due").id, again.id);
    assert!(!send(&settings).await, "it cannot be cancelled any more");
}
