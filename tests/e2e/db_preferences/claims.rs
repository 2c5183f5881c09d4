//! Choices while claims run, and what they wake.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tidings_db::TransactionOptions;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, insert_batch};
use tidings_db::preferences::SetResult;
use tidings_domain::notification::{Channel, DeliveredChannel, Notification};
use tidings_domain::preference::PreferenceSource;
use tidings_tests::{eventually, secs};

use super::{choice, claim_of, migrated, notification, set};

/// Claims that have not seen the choice are waited for, and no others.
#[tokio::test]
async fn a_choice_waits_for_claims_that_have_not_seen_it() {
    let db = migrated().await;
    let user = db.user().await;
    let one = notification(user, Channel::Sms, None);
    let recorded = db
        .pool
        .run(async |client| insert_batch(client, &[&one]).await);
    recorded.await.expect("recorded");
    let mut client = db.pool.dedicated_client().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let request = claim_of(one.message_id);
    let claims =
        notifications::claim(&transaction, DeliveredChannel::Sms, &[request], secs(60)).await;
    let ClaimResult::Claimed(claimed) = claims.expect("the query").remove(0) else {
        panic!("not claimed");
    };
    assert!(!claimed.is_unwanted);
    let off = [choice("*", "sms", Some(false))];
    set(&db, user, &off, PreferenceSource::User).await;
    let wait = async |channel| {
        let waited = notifications::wait_for_claims(&db.pool, &[channel], Duration::ZERO).await;
        waited.expect("the queries")
    };
    assert!(
        !wait(DeliveredChannel::Sms).await,
        "the claim may still commit"
    );
    assert!(wait(DeliveredChannel::Email).await, "another channel");
    transaction.commit().await.expect("committed");
    assert!(wait(DeliveredChannel::Sms).await);
}

/// Workers claim 1000 notifications while the user says no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_choice_has_returned_no_claim_starts() {
    let db = migrated().await;
    let user = db.user().await;
    let batch: Vec<Notification> = (0..1000)
        .map(|_| notification(user, Channel::Sms, Some("news")))
        .collect();
    let all: Vec<&Notification> = batch.iter().collect();
    let recorded = db.pool.run(async |client| insert_batch(client, &all).await);
    assert_eq!(recorded.await.expect("recorded").len(), 1000);
    let has_returned = AtomicBool::new(false);
    let claimed = AtomicUsize::new(0);
    let worker = async |part: &[Notification]| {
        for few in part.chunks(5) {
            let requests: Vec<ClaimRequest> =
                few.iter().map(|one| claim_of(one.message_id)).collect();
            let claims = db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    let claims = notifications::claim(
                        transaction,
                        DeliveredChannel::Sms,
                        &requests,
                        secs(60),
                    )
                    .await?;
                    let wanted = claims
                        .iter()
                        .filter(|one| matches!(one, ClaimResult::Claimed(one) if !one.is_unwanted));
                    let wanted = wanted.count();
                    // Before the commit.
                    assert!(
                        wanted == 0 || !has_returned.load(Ordering::SeqCst),
                        "a claim has not seen the choice"
                    );
                    Ok(claims.len())
                });
            claimed.fetch_add(claims.await.expect("the claims"), Ordering::SeqCst);
        }
    };
    let chooser = async {
        eventually(secs(60), "some are claimed", async || {
            claimed.load(Ordering::SeqCst) >= 200
        })
        .await;
        let off = [choice("news", "*", Some(false))];
        assert_eq!(
            set(&db, user, &off, PreferenceSource::User).await,
            SetResult::Changed
        );
        let seen = notifications::wait_for_claims(&db.pool, &DeliveredChannel::ALL, secs(60)).await;
        assert!(seen.expect("the queries"));
        has_returned.store(true, Ordering::SeqCst);
    };
    let workers = join_all(batch.chunks(125).map(worker));
    tokio::join!(workers, chooser);
    assert_eq!(claimed.load(Ordering::SeqCst), 1000);
}

/// What waits for the limit of the user is decided again. What the sender scheduled keeps its time.
#[tokio::test]
async fn a_choice_wakes_what_waits_for_the_user() {
    let db = migrated().await;
    let user = db.user().await;
    let held = async |reason: &str| {
        let one = notification(user, Channel::Sms, None);
        let sql = format!(
            "UPDATE notifications SET status = 'scheduled', reason = '{reason}', not_before = now() + interval '1 hour'
             WHERE message_id = '{}'",
            one.message_id
        );
        let held = db.pool.run(async |client| {
            insert_batch(client, &[&one]).await?;
            Ok(client.execute(&sql, &[]).await?)
        });
        assert_eq!(held.await.expect("held"), 1);
    };
    for reason in ["throttled", "quiet_hours", "schedule"] {
        held(reason).await;
    }
    let due = async || {
        db.count("not_before <= now() AND reason <> 'schedule'")
            .await
    };
    let off = [choice("*", "email", Some(false))];
    for expected in [2, 2] {
        set(&db, user, &off, PreferenceSource::User).await;
        assert_eq!(due().await, expected);
    }
    assert_eq!(
        db.count("not_before > now() AND reason = 'schedule'").await,
        1
    );
}
