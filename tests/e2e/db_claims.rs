//! Claims of rows for delivery.

use std::time::Duration;

use rstest::rstest;
use tidings_db::notifications::{
    self, ClaimEnd, ClaimEndResult, ClaimRequest, ClaimResult, ClaimedNotification, LeaseToken,
    LockedRows, NotificationRow,
};
use tidings_db::{Client, DedicatedClient};
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Status, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

/// Claims a row with a new token.
async fn claim(client: &Client, id: MessageId, attempt: u32, lease: Duration) -> ClaimResult {
    let request = ClaimRequest {
        id,
        attempt,
        token: LeaseToken::generate(),
    };
    claim_all(client, &[request], lease).await.remove(0)
}

async fn claim_all(
    client: &Client,
    requests: &[ClaimRequest],
    lease: Duration,
) -> Vec<ClaimResult> {
    let claims = notifications::claim(client, DeliveredChannel::Sms, requests, lease).await;
    claims.expect("the query")
}

struct Table {
    /// Dropped last.
    db: TestDatabase,
    client: DedicatedClient,
}

impl Table {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let client = db.pool.dedicated_client().await.expect("a connection");
        Self { db, client }
    }

    async fn row_with(&self, user: UserId, status: Status, retries_attempted: i32) -> MessageId {
        let id = MessageId::generate();
        let sql = "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, retries_attempted)
                   VALUES ($1, $2, 'sms', '{\"text\": \"hello\"}', $3, $4, now(), $5)";
        let status = status.as_str();
        self.client
            .execute(
                sql,
                &[
                    &Uuid::now_v7(),
                    &user.as_uuid(),
                    &status,
                    &id.as_uuid(),
                    &retries_attempted,
                ],
            )
            .await
            .expect("a row");
        id
    }

    async fn pending(&self) -> MessageId {
        let user = self.db.user().await;
        self.row_with(user, Status::Pending, 0).await
    }

    async fn claim(&self, id: MessageId, attempt: u32, lease: Duration) -> ClaimResult {
        claim(&self.client, id, attempt, lease).await
    }

    async fn claimed(&self, id: MessageId, attempt: u32) -> ClaimedNotification {
        match self.claim(id, attempt, LEASE).await {
            ClaimResult::Claimed(claimed) => *claimed,
            other => panic!("{other:?}"),
        }
    }

    async fn row(&self, id: MessageId) -> NotificationRow {
        let row = notifications::find(&*self.client, id, None).await;
        row.expect("the query").expect("the row")
    }

    async fn delivered(&self, id: MessageId, token: LeaseToken) -> bool {
        self.ended(id, token, ClaimEndResult::Delivered).await
    }

    async fn failed(&self, id: MessageId, token: LeaseToken, attempt: u32) -> bool {
        let error = "no luck".to_owned();
        let result = ClaimEndResult::Failed { attempt, error };
        self.ended(id, token, result).await
    }

    async fn deferred(&self, id: MessageId, token: LeaseToken) -> bool {
        let result = ClaimEndResult::Deferred {
            error: "the destination is away".to_owned(),
            waiting: true,
        };
        self.ended(id, token, result).await
    }

    async fn ended(&self, id: MessageId, token: LeaseToken, result: ClaimEndResult) -> bool {
        let ends = [ClaimEnd { id, token, result }];
        let ended = notifications::end_claims(&*self.client, &ends, LockedRows::Wait).await;
        ended.expect("the query").contains(&token)
    }
}

#[tokio::test]
async fn a_row_is_claimed_by_one_worker_until_its_lease_ends() {
    let table = Table::new().await;
    let id = table.pending().await;
    let first = table.claimed(id, 0).await;
    assert_eq!(first.channel, Some(Channel::Sms));
    assert_eq!(first.payload, r#"{"text": "hello"}"#);
    let ClaimResult::LeasedElsewhere(left) = table.claim(id, 0, LEASE).await else {
        panic!("it is held");
    };
    assert!((25..=30).contains(&left.as_secs()), "{left:?}");
    assert!(table.delivered(id, first.token).await);
    assert!(matches!(
        table.claim(id, 0, LEASE).await,
        ClaimResult::NotDeliverable(Status::Processed)
    ));
}

#[tokio::test]
async fn after_the_lease_another_worker_claims_the_row_and_the_first_can_record_nothing() {
    let table = Table::new().await;
    let id = table.pending().await;
    let ClaimResult::Claimed(first) = table.claim(id, 0, Duration::ZERO).await else {
        panic!("it was free");
    };
    let second = table.claimed(id, 0).await;
    assert!(!table.delivered(id, first.token).await);
    assert!(!table.failed(id, first.token, 0).await);
    assert!(!table.deferred(id, first.token).await);
    assert_eq!(table.row(id).await.status, "pending");
    assert!(table.delivered(id, second.token).await);
}

#[tokio::test]
async fn a_renewed_claim_lasts_and_a_lost_one_is_not_renewed() {
    let table = Table::new().await;
    let id = table.pending().await;
    let ClaimResult::Claimed(first) = table.claim(id, 0, Duration::ZERO).await else {
        panic!("it was free");
    };
    let renew = async |token| {
        let renewed = notifications::renew_lease(&*table.client, id, token, LEASE).await;
        renewed.expect("the query")
    };
    assert!(renew(first.token).await, "nobody has taken it");
    assert!(matches!(
        table.claim(id, 0, LEASE).await,
        ClaimResult::LeasedElsewhere(left) if left > Duration::from_secs(25)
    ));
    assert!(table.delivered(id, first.token).await);
    assert!(!renew(first.token).await);
}

#[tokio::test]
async fn one_of_many_concurrent_claims_succeeds() {
    let table = Table::new().await;
    let id = table.pending().await;
    let wanting = (0..8).map(async |_| {
        let client = table
            .db
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        claim(&client, id, 0, LEASE).await
    });
    let claims = futures_util::future::join_all(wanting).await;
    let ours = claims
        .iter()
        .filter(|claim| matches!(claim, ClaimResult::Claimed(_)));
    assert_eq!(ours.count(), 1, "{claims:?}");
}

#[tokio::test]
async fn a_failed_attempt_is_counted_and_releases_the_row() {
    let table = Table::new().await;
    let id = table.pending().await;
    let claimed = table.claimed(id, 0).await;
    assert!(table.failed(id, claimed.token, 0).await);
    let row = table.row(id).await;
    assert_eq!(
        (row.status.as_str(), row.retries_attempted),
        ("retrying", 1)
    );
    assert_eq!(row.error_message.as_deref(), Some("no luck"));
    assert!(
        matches!(
            table.claim(id, 0, LEASE).await,
            ClaimResult::AttemptAlreadyMade(Some(_))
        ),
        "a copy of the message"
    );
    let claimed = table.claimed(id, 1).await;
    assert!(table.delivered(id, claimed.token).await);
    let row = table.row(id).await;
    assert_eq!(
        (row.status.as_str(), row.error_message),
        ("processed", None)
    );
}

#[tokio::test]
async fn a_deferral_uses_no_attempt_and_records_its_start() {
    let table = Table::new().await;
    let id = table.pending().await;
    assert_eq!(table.claimed(id, 0).await.deferred_for, None);
    // The claim above is still active: only its own token or a replay ends it.
    let sql = "UPDATE notifications SET lease_until = NULL, deferred_since = NULL";
    table.client.execute(sql, &[]).await.expect("freed");
    let claimed = table.claimed(id, 0).await;
    assert!(table.deferred(id, claimed.token).await);
    let since = "UPDATE notifications SET deferred_since = deferred_since - interval '2 hours'";
    table
        .client
        .execute(since, &[])
        .await
        .expect("two hours ago");
    let row = table.row(id).await;
    assert_eq!((row.status.as_str(), row.retries_attempted), ("pending", 0));
    assert_eq!(
        row.error_message.as_deref(),
        Some("the destination is away")
    );
    let claimed = table.claimed(id, 0).await;
    let waited = claimed.deferred_for.expect("it was deferred");
    assert!((7200..7260).contains(&waited.as_secs()), "{waited:?}");
    assert!(table.failed(id, claimed.token, 0).await, "a real attempt");
    assert_eq!(table.claimed(id, 1).await.deferred_for, None);
}

#[rstest]
#[case(Status::Processed)]
#[case(Status::Failed)]
#[case(Status::Cancelled)]
#[case(Status::Expired)]
#[case(Status::Suppressed)]
#[case(Status::Digested)]
#[tokio::test]
async fn a_row_that_is_not_pending_or_retrying_cannot_be_claimed(#[case] status: Status) {
    let table = Table::new().await;
    let user = table.db.user().await;
    let id = table.row_with(user, status, 0).await;
    assert!(
        matches!(table.claim(id, 0, LEASE).await, ClaimResult::NotDeliverable(found) if found == status)
    );
    let unknown = MessageId::generate();
    assert!(matches!(
        table.claim(unknown, 0, LEASE).await,
        ClaimResult::RowMissing
    ));
}

#[tokio::test]
async fn a_replay_clears_the_lease_and_the_deferral() {
    let table = Table::new().await;
    let id = table.pending().await;
    table.claimed(id, 0).await;
    assert!(
        notifications::mark_failed(&*table.client, id, "rejected", "given up")
            .await
            .expect("the query")
    );
    assert!(
        notifications::reset_for_replay(&*table.client, id)
            .await
            .expect("the query")
    );
    let claimed = table.claimed(id, 0).await;
    assert_eq!(claimed.deferred_for, None);
}

#[tokio::test]
async fn each_message_of_a_batch_has_a_verdict_of_its_own() {
    let table = Table::new().await;
    let user = table.db.user().await;
    let [free, held, twice] = [
        table.pending().await,
        table.pending().await,
        table.pending().await,
    ];
    let ended = table.row_with(user, Status::Processed, 0).await;
    let ahead = table.row_with(user, Status::Retrying, 3).await;
    let missing = MessageId::generate();
    table.claimed(held, 0).await;
    let requests = [free, held, twice, ended, ahead, missing, twice].map(|id| ClaimRequest {
        id,
        attempt: 1,
        token: LeaseToken::generate(),
    });
    let claims = claim_all(&table.client, &requests, LEASE).await;
    let claimed = |place: usize| matches!(&claims[place], ClaimResult::Claimed(claimed) if claimed.token == requests[place].token);
    assert!(claimed(0));
    assert!(matches!(&claims[1], ClaimResult::LeasedElsewhere(left) if !left.is_zero()));
    assert!(matches!(
        claims[3],
        ClaimResult::NotDeliverable(Status::Processed)
    ));
    assert!(matches!(claims[4], ClaimResult::AttemptAlreadyMade(None)));
    assert!(matches!(claims[5], ClaimResult::RowMissing));
    assert!(claimed(2) != claimed(6), "one of two copies: {claims:?}");
    let other = if claimed(2) { &claims[6] } else { &claims[2] };
    assert!(matches!(other, ClaimResult::LeasedElsewhere(left) if !left.is_zero()));
}

#[tokio::test]
async fn a_claim_whose_commit_was_not_confirmed_is_the_claimants_own() {
    let table = Table::new().await;
    let id = table.pending().await;
    let request = ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
    for _ in 0..2 {
        let claims = claim_all(&table.client, &[request], LEASE).await;
        assert!(
            matches!(&claims[..], [ClaimResult::Claimed(_)]),
            "{claims:?}"
        );
    }
    assert!(table.delivered(id, request.token).await);
    let claims = claim_all(&table.client, &[request], LEASE).await;
    assert!(matches!(
        claims[..],
        [ClaimResult::NotDeliverable(Status::Processed)]
    ));
}

#[tokio::test]
async fn a_locked_row_delays_no_other_row_of_its_batch() {
    let table = Table::new().await;
    let [locked, free, claimed] = [
        table.pending().await,
        table.pending().await,
        table.pending().await,
    ];
    let own = table.claimed(claimed, 0).await;
    let another = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    another.batch_execute("BEGIN").await.expect("begun");
    let lock = "SELECT FROM notifications WHERE message_id = ANY ($1) FOR UPDATE";
    let ids = [locked, claimed].map(MessageId::as_uuid);
    another.execute(lock, &[&&ids[..]]).await.expect("locked");

    let requests = [locked, free].map(|id| ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    });
    let claims = claim_all(&table.client, &requests, LEASE).await;
    assert!(matches!(
        &claims[..],
        [ClaimResult::LeasedElsewhere(left), ClaimResult::Claimed(_)] if left.is_zero()
    ));
    let end = |id, token| ClaimEnd {
        id,
        token,
        result: ClaimEndResult::Delivered,
    };
    let ends = [end(claimed, own.token), end(free, requests[1].token)];
    let ended = notifications::end_claims(&*table.client, &ends, LockedRows::Skip).await;
    assert_eq!(ended.expect("the query"), [requests[1].token].into());
    another.batch_execute("ROLLBACK").await.expect("unlocked");
    assert!(table.delivered(claimed, own.token).await);
}
