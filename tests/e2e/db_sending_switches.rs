//! The switches that stop sending: no claim commits after a stop.

use std::time::Duration;

use tidings_db::notifications::{self, ClaimRequest, ClaimResult, LeaseToken};
use tidings_db::sending_switches::{self, StopError, SwitchResult, SwitchScope};
use tidings_db::{Client, Database, DatabaseSettings, TransactionOptions};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_settings::Reader;
use tidings_tests::{ServerUrls, TestDatabase, eventually, origin, secs};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);
const SMS: SwitchScope = SwitchScope::Channel(DeliveredChannel::Sms);

struct Table {
    db: TestDatabase,
}

impl Table {
    async fn new() -> Self {
        Self {
            db: TestDatabase::migrated(&ServerUrls::shared()).await,
        }
    }

    async fn row(&self, channel: &str, status: &str) -> MessageId {
        let (user, id) = (self.db.user().await, MessageId::generate());
        let sql = "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, not_before)
                   VALUES ($1, $2, $3, '{}', $4, $5, now(), now() - interval '1 hour')";
        let inserted = self
            .db
            .pool
            .run(async |client| {
                let row = (Uuid::now_v7(), user.as_uuid(), id.as_uuid());
                Ok(client
                    .execute(sql, &[&row.0, &row.1, &channel, &status, &row.2])
                    .await?)
            })
            .await;
        assert_eq!(inserted.expect("a row"), 1);
        id
    }

    async fn stop(&self, scope: SwitchScope) -> SwitchResult {
        let stopped =
            sending_switches::stop(&self.db.pool, scope, "a reason", "a test", &origin()).await;
        stopped.expect("stopped")
    }

    async fn start(&self, scope: SwitchScope) -> SwitchResult {
        let started = sending_switches::start(&self.db.pool, scope, "a test", &origin()).await;
        started.expect("started")
    }

    /// Claims in a transaction of its own.
    async fn claim(&self, channel: DeliveredChannel, request: ClaimRequest) -> ClaimResult {
        claim(&self.db.pool, channel, request).await
    }

    async fn claim_new(&self, channel: DeliveredChannel, id: MessageId) -> ClaimResult {
        self.claim(channel, request(id)).await
    }

    /// Waits until a transaction waits for an advisory lock.
    async fn until_one_waits(&self) {
        let sql = "SELECT count(*) FROM pg_locks
                   WHERE locktype = 'advisory' AND NOT granted
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually(secs(20), "a transaction waits", async || {
            let waiting = self
                .db
                .pool
                .run(async |client| Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0)));
            waiting.await.expect("the query") == 1
        })
        .await;
    }
}

async fn claim(pool: &Database, channel: DeliveredChannel, request: ClaimRequest) -> ClaimResult {
    let claims = pool
        .transaction(TransactionOptions::default(), async |transaction| {
            notifications::claim(transaction, channel, &[request], LEASE).await
        })
        .await;
    claims.expect("the queries").remove(0)
}

fn request(id: MessageId) -> ClaimRequest {
    ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    }
}

fn state(result: SwitchResult) -> (bool, u64) {
    (result.stopped, result.in_flight)
}

#[tokio::test]
async fn a_stopped_channel_is_not_claimed_and_others_are() {
    let table = Table::new().await;
    let (sms, email) = (
        table.row("sms", "pending").await,
        table.row("email", "pending").await,
    );
    assert_eq!(state(table.stop(SMS).await), (true, 0));
    let refused = table.claim_new(DeliveredChannel::Sms, sms).await;
    assert!(matches!(refused, ClaimResult::Stopped), "{refused:?}");
    assert_eq!(table.db.count("lease_token IS NOT NULL").await, 0);
    let claimed = table.claim_new(DeliveredChannel::Email, email).await;
    assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
    assert_eq!(state(table.start(SMS).await), (false, 0));
    let claimed = table.claim_new(DeliveredChannel::Sms, sms).await;
    assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
}

#[tokio::test]
async fn each_switch_is_started_by_itself() {
    let table = Table::new().await;
    let id = table.row("sms", "retrying").await;
    assert_eq!(state(table.stop(SMS).await), (true, 0));
    assert_eq!(state(table.stop(SwitchScope::All).await), (true, 0));
    assert_eq!(state(table.start(SMS).await), (true, 0), "all are stopped");
    let refused = table.claim_new(DeliveredChannel::Sms, id).await;
    assert!(matches!(refused, ClaimResult::Stopped), "{refused:?}");
    assert_eq!(state(table.start(SwitchScope::All).await), (false, 0));
    let claimed = table.claim_new(DeliveredChannel::Sms, id).await;
    assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
}

/// A message whose notification has ended needs no start.
#[tokio::test]
async fn a_stop_hides_no_end_of_a_notification() {
    let table = Table::new().await;
    let ended = table.row("sms", "cancelled").await;
    let due = table.row("sms", "scheduled").await;
    let _ = table.stop(SwitchScope::All).await;
    let result = table.claim_new(DeliveredChannel::Sms, ended).await;
    assert!(
        matches!(result, ClaimResult::NotDeliverable(_)),
        "{result:?}"
    );
    let missing = MessageId::generate();
    let result = table.claim_new(DeliveredChannel::Sms, missing).await;
    assert!(matches!(result, ClaimResult::RowMissing), "{result:?}");
    // Deferred, because the scheduler may already have made another message of it.
    let result = table.claim_new(DeliveredChannel::Sms, due).await;
    assert!(
        matches!(result, ClaimResult::LeasedElsewhere(left) if left.is_zero()),
        "{result:?}"
    );
    assert_eq!(table.db.count("status = 'scheduled'").await, 1);
}

#[tokio::test]
async fn a_stop_waits_for_the_claims_that_have_begun_and_counts_them() {
    let table = Table::new().await;
    let id = table.row("sms", "pending").await;
    let mut client = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let channel = DeliveredChannel::Sms;
    let claims = notifications::claim(&transaction, channel, &[request(id)], LEASE).await;
    assert!(matches!(claims.as_deref(), Ok([ClaimResult::Claimed(_)])));
    let (stopped, ()) = tokio::join!(table.stop(SwitchScope::All), async {
        table.until_one_waits().await;
        transaction.commit().await.expect("committed");
    });
    assert_eq!(state(stopped), (true, 1));
}

/// The statement that reads the switch must see what was committed while the claim waited for the lock.
#[tokio::test]
async fn a_claim_that_waits_for_a_stop_sees_the_switch() {
    let table = Table::new().await;
    let id = table.row("sms", "pending").await;
    let mut client = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    // As two programs do, one of which is slow.
    let locked = sending_switches::lock_for_stop(&transaction, SMS).await;
    locked.expect("the lock");
    let (claimed, ()) = tokio::join!(table.claim_new(DeliveredChannel::Sms, id), async {
        table.until_one_waits().await;
        let set =
            "INSERT INTO sending_switches (channel, stopped, by) VALUES ('*', true, 'a test')";
        transaction.execute(set, &[]).await.expect("set");
        transaction.commit().await.expect("committed");
    });
    assert!(matches!(claimed, ClaimResult::Stopped), "{claimed:?}");
}

/// A worker that has claimed a row, but does not know that PostgreSQL has committed the claim, asks again.
#[tokio::test]
async fn a_claim_that_is_repeated_is_not_stopped() {
    let table = Table::new().await;
    let request = request(table.row("sms", "pending").await);
    for stopped in [false, true] {
        if stopped {
            assert_eq!(state(table.stop(SMS).await), (true, 1));
        }
        let claimed = table.claim(DeliveredChannel::Sms, request).await;
        assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
    }
}

/// A frozen worker must not keep the others sending.
#[tokio::test]
async fn a_stop_that_cannot_be_completed_is_in_force_for_new_claims() {
    let table = Table::new().await;
    let [held, other] = [
        table.row("sms", "pending").await,
        table.row("sms", "pending").await,
    ];
    let mut client = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let channel = DeliveredChannel::Sms;
    let claims = notifications::claim(&transaction, channel, &[request(held)], LEASE).await;
    assert!(matches!(claims.as_deref(), Ok([ClaimResult::Claimed(_)])));
    let impatient = pool_with(&table, "DATABASE_STATEMENT_TIMEOUT_MS", "200");
    let stopped = sending_switches::stop(&impatient, SMS, "a reason", "a test", &origin()).await;
    assert!(matches!(stopped, Err(StopError::NotComplete(_))));
    let refused = table.claim_new(channel, other).await;
    assert!(matches!(refused, ClaimResult::Stopped), "{refused:?}");
    transaction.rollback().await.expect("the end");
    assert_eq!(state(table.stop(SMS).await), (true, 0));
}

fn pool_with(table: &Table, name: &str, value: &str) -> Database {
    let vars = [("DATABASE_URL", table.db.url()), (name, value)];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut reader = Reader::from_vars(vars);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("database settings");
    Database::new(&settings, "tidings-tests").expect("a pool")
}

#[tokio::test]
async fn concurrent_stops_starts_and_claims_end() {
    let table = Table::new().await;
    let id = table.row("webhook", "pending").await;
    let changes = (0..24).map(|nth| {
        let table = &table;
        async move {
            let channel = DeliveredChannel::ALL[nth % DeliveredChannel::ALL.len()];
            match nth % 3 {
                0 => drop(table.stop(SwitchScope::All).await),
                1 => drop(table.stop(SwitchScope::Channel(channel)).await),
                _ => drop(table.claim_new(channel, id).await),
            }
        }
    });
    futures_util::future::join_all(changes).await;
    let listed = table
        .db
        .pool
        .run(async |client: &Client| sending_switches::list(client).await);
    let listed = listed.await.expect("the query");
    assert_eq!(
        listed.stopped_channels().count(),
        DeliveredChannel::ALL.len()
    );
}

#[tokio::test]
async fn a_notification_of_a_stopped_channel_is_not_overdue() {
    let table = Table::new().await;
    let _ = table.row("sms", "scheduled").await;
    let overdue = async || {
        let overdue = table
            .db
            .pool
            .run(async |client| notifications::overdue(client).await);
        overdue.await.expect("the query")
    };
    assert!(overdue().await.is_some_and(|late| late > secs(3000)));
    let _ = table.stop(SMS).await;
    assert_eq!(overdue().await, None);
    let _ = table.row("in-app", "scheduled").await;
    let _ = table.stop(SwitchScope::All).await;
    assert!(overdue().await.is_some(), "in-app is not stopped");
}
