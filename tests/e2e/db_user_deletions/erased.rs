//! Dead letters of users who are erased, and deletions that erase nothing.

use tidings_db::notifications::insert_batch;
use tidings_db::user_deletions::{self, DeletionStatus};
use tidings_db::{TransactionOptions, credentials, users};
use tidings_domain::category::CategoryName;
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_tests::origin;

use super::{
    DAY, at, begin, execute, finish, migrated, notification, record, request, state, status, sweep,
};

/// Two messages of an erased user are dead letters: one names the user, the other a row that does.
#[tokio::test]
async fn dead_letters_are_found_by_their_user_or_their_row() {
    let db = migrated().await;
    let (user, other) = (db.user().await, db.user().await);
    let (failed, kept) = (
        record(&db, user, Channel::Sms).await,
        record(&db, other, Channel::Sms).await,
    );
    let fail = format!(
        "UPDATE notifications SET status = 'failed' WHERE message_id = '{}'",
        failed.as_uuid()
    );
    execute(&db, &fail).await;
    request(&db, user).await;
    let nobody = MessageId::generate();
    let letters = [
        (Some(failed), None),
        (Some(kept), None),
        (None, Some(user)),
        (Some(kept), Some(user)),
        (None, Some(other)),
        (Some(nobody), None),
        (None, None),
    ];
    let erased = async || {
        let erased = db
            .pool
            .run(async |client| user_deletions::are_erased(client, &letters).await);
        erased.await.expect("the query")
    };
    assert_eq!(erased().await, [false; 7]);
    let deletion = begin(&db, DAY).await.expect("due");
    assert!(sweep(&db, &deletion, 9).await);
    assert!(finish(&db, &deletion).await);
    assert_eq!(
        erased().await,
        [true, false, true, true, false, false, false]
    );
    let (status, _, payload) = state(&db, failed)
        .await
        .expect("its dead letter finds the row");
    assert_eq!((status.as_str(), payload.as_str()), ("failed", "{}"));
}

#[tokio::test]
async fn a_soft_deletion_marks_the_user_and_erases_nothing() {
    let db = migrated().await;
    let user = db.user().await;
    let sql = format!(
        "UPDATE users SET email = 'anna@example.com', password_hash = 'x' WHERE id = '{user}'"
    );
    execute(&db, &sql).await;
    let before = record(&db, user, Channel::InApp).await;
    request(&db, user).await;
    let (now, origin) = (at(DAY), origin());
    let marked = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let deletion = user_deletions::begin_due(transaction, now, 10, true).await?;
            let deletion = deletion.expect("due");
            user_deletions::mark_soft(transaction, &origin, &deletion).await
        })
        .await;
    assert!(marked.expect("the queries"));
    assert_eq!(status(&db, user).await, Some(DeletionStatus::Done));
    let kept = state(&db, before).await.expect("a row");
    assert!(kept.2.contains("secret"), "{}", kept.2);
    let row = db.pool.run(async |client| users::find(client, user).await);
    let row = row.await.expect("the query").expect("a row");
    assert_eq!(row.email.as_deref(), Some("anna@example.com"));
    // Nothing is sent any more, however critical it is.
    for category in [None, Some(CategoryName::security())] {
        let late = Notification {
            category,
            ..notification(user, Channel::InApp)
        };
        let recorded = db
            .pool
            .run(async |client| insert_batch(client, &[&late]).await)
            .await;
        recorded.expect("recorded");
        let (status, reason, _) = state(&db, late.message_id).await.expect("a row");
        assert_eq!(
            (status.as_str(), reason.as_deref()),
            ("suppressed", Some("user_gone"))
        );
    }
    // The password is worth nothing any more.
    let login = db
        .pool
        .run(async |client| credentials::find_by_id(client, user).await);
    let login = login.await.expect("the query").expect("a row");
    assert!(login.password_hash.is_none());
}
