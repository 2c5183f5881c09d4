//! Time zones that change while claims run.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tidings_db::TransactionOptions;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, insert_batch};
use tidings_db::user_settings::{lock_quiet_hours, wait_for_timezone_claims};
use tidings_db::users::{self, ContactRights, UpdateResult, UserChanges};
use tidings_domain::change::Change;
use tidings_domain::notification::{Channel, DeliveredChannel, Notification};
use tidings_tests::{eventually, secs};

use super::{claim_of, migrated, notification};

/// Workers claim 1000 notifications while the user moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_the_time_zone_has_returned_no_claim_decides_by_the_former_one() {
    let db = migrated().await;
    let (user, without_quiet_hours) = (db.user().await, db.user().await);
    let sql = format!(
        r#"INSERT INTO user_settings (user_id, quiet)
           VALUES ('{user}', '[{{"days": [1], "from": "22:00", "to": "07:00"}}]')"#
    );
    let set = db
        .pool
        .run(async |client| Ok(client.execute(&sql, &[]).await?));
    set.await.expect("the settings");
    let batch: Vec<Notification> = (0..1000)
        .map(|_| notification(user, Channel::Sms, None))
        .collect();
    let all: Vec<&Notification> = batch.iter().collect();
    let recorded = db.pool.run(async |client| insert_batch(client, &all).await);
    assert_eq!(recorded.await.expect("recorded").len(), 1000);
    let sms = DeliveredChannel::Sms;
    let former = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            lock_quiet_hours(transaction, sms, &[user]).await
        });
    let former = former.await.expect("the queries").remove(&user);
    assert!(former.is_some());

    let has_returned = AtomicBool::new(false);
    let (claimed, by_former) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = async |part: &[Notification]| {
        for few in part.chunks(5) {
            let requests: Vec<ClaimRequest> =
                few.iter().map(|one| claim_of(one.message_id)).collect();
            let claims = db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    let claims =
                        notifications::claim(transaction, sms, &requests, secs(60)).await?;
                    let decides_by_former = claims.iter().any(
                        |one| matches!(one, ClaimResult::Claimed(one) if one.quiet_hours == former),
                    );
                    // Before the commit.
                    if decides_by_former {
                        by_former.fetch_add(1, Ordering::SeqCst);
                        let has_returned = has_returned.load(Ordering::SeqCst);
                        assert!(!has_returned, "a claim has not seen the time zone");
                    }
                    Ok(claims.len())
                });
            claimed.fetch_add(claims.await.expect("the claims"), Ordering::SeqCst);
        }
    };
    let mover = async {
        eventually(secs(60), "some are claimed", async || {
            claimed.load(Ordering::SeqCst) >= 200
        })
        .await;
        let changes = UserChanges {
            timezone: Change::Set(Some("Asia/Tokyo".parse().expect("a zone"))),
            ..UserChanges::default()
        };
        let moved = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                users::update(transaction, user, &changes, ContactRights::All).await
            });
        let moved = moved.await.expect("the queries");
        assert!(matches!(moved, UpdateResult::Updated(_)), "{moved:?}");
        let ended = wait_for_timezone_claims(&db.pool, &[user], secs(60)).await;
        assert!(ended.expect("the queries"));
        has_returned.store(true, Ordering::SeqCst);
    };
    let workers = join_all(batch.chunks(125).map(worker));
    tokio::join!(workers, mover);
    assert_eq!(claimed.load(Ordering::SeqCst), 1000);
    assert!(by_former.load(Ordering::SeqCst) > 0);

    // One that runs is waited for, if the quiet hours hold its channel.
    let waits = async |channel, user| {
        let mut connection = db.pool.dedicated_client().await.expect("a connection");
        let transaction = connection.transaction().await.expect("a transaction");
        let request = claim_of(batch[0].message_id);
        let claims = notifications::claim(&transaction, channel, &[request], secs(60)).await;
        claims.expect("the query");
        let ended = wait_for_timezone_claims(&db.pool, &[user], Duration::ZERO).await;
        transaction.commit().await.expect("committed");
        !ended.expect("the queries")
    };
    assert!(waits(sms, user).await);
    assert!(!waits(sms, without_quiet_hours).await);
    assert!(!waits(DeliveredChannel::Email, user).await);
}
