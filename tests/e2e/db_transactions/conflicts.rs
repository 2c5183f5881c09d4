//! Transactions that PostgreSQL aborts because of other ones run again.

use std::sync::atomic::{AtomicU32, Ordering};

use tidings_db::{Database, DbError, IsolationLevel, MAX_CONFLICT_RETRIES, TransactionOptions};
use tidings_tests::TestDatabase;
use tokio::sync::{Barrier, Notify};

use super::{DEFAULT, counters, increment, server_process, state, values};

/// Increments counter 1 at `REPEATABLE READ`; another transaction increments it in between, in the first
/// `conflicts` attempts. Returns the result and the number of attempts.
async fn increment_with_conflicts(
    db: &TestDatabase,
    database: &Database,
    conflicts: u32,
) -> (Result<(), DbError>, u32) {
    let attempts = AtomicU32::new(0);
    let options = TransactionOptions {
        isolation: IsolationLevel::RepeatableRead,
        ..DEFAULT
    };
    let result = database
        .transaction(options, async |transaction| {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            // The first statement takes the snapshot.
            transaction.execute("SELECT FROM counters", &[]).await?;
            if attempt < conflicts {
                db.pool
                    .transaction(DEFAULT, async |other| increment(other, 1).await)
                    .await?;
            }
            increment(transaction, 1).await
        })
        .await;
    (result, attempts.into_inner())
}

#[tokio::test]
async fn a_serialization_failure_is_retried() {
    let (db, database) = counters().await;
    let process = server_process(&database).await;
    let (result, attempts) = increment_with_conflicts(&db, &database, 2).await;
    result.expect("committed in the end");
    assert_eq!(attempts, 3);
    assert_eq!(values(&database).await, [3, 0]);
    assert_eq!(server_process(&database).await, process);
}

#[tokio::test]
async fn the_retries_are_bounded() {
    let (db, database) = counters().await;
    let (result, attempts) = increment_with_conflicts(&db, &database, u32::MAX).await;
    assert_eq!(state(&result.expect_err("given up")), Some("40001"));
    assert_eq!(attempts, MAX_CONFLICT_RETRIES + 1);
    let others = i32::try_from(attempts).expect("a small number");
    assert_eq!(values(&database).await, [others, 0]);
}

#[tokio::test]
async fn a_deadlock_is_retried_by_its_victim_alone() {
    let (db, database) = counters().await;
    let attempts = AtomicU32::new(0);
    let (both_hold_one, committed) = (Barrier::new(2), Notify::new());
    let in_order = async |database: &Database, ids: [i32; 2]| {
        let result = database
            .transaction(DEFAULT, async |transaction| {
                let first_attempt = attempts.fetch_add(1, Ordering::Relaxed) < 2;
                if !first_attempt {
                    // Otherwise the victim could take its row again before the other one does: another deadlock.
                    committed.notified().await;
                }
                increment(transaction, ids[0]).await?;
                if first_attempt {
                    both_hold_one.wait().await;
                }
                increment(transaction, ids[1]).await
            })
            .await;
        committed.notify_one();
        result
    };
    let (one, other) = tokio::join!(in_order(&database, [1, 2]), in_order(&db.pool, [2, 1]));
    one.expect("committed");
    other.expect("committed");
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!(values(&database).await, [2, 2]);
}

/// Increments counter 1 in a transaction, or else by one statement.
async fn increment_once(database: &Database, in_transaction: bool) -> Result<(), DbError> {
    if in_transaction {
        return database
            .transaction(DEFAULT, async |transaction| increment(transaction, 1).await)
            .await;
    }
    let sql = "UPDATE counters SET value = value + 1 WHERE id = 1";
    let incrementing = database.run(async |client| Ok(client.execute(sql, &[]).await?));
    incrementing.await.map(drop)
}

#[tokio::test]
async fn three_aborts_are_retried_and_a_fourth_is_reported() {
    let deadlock_and_serialization_failure = ["40P01", "40001"];
    for sql_state in deadlock_and_serialization_failure {
        for in_transaction in [true, false] {
            let (db, database) = counters().await;
            db.abort_first(3, "UPDATE ON counters", sql_state).await;
            let incremented = increment_once(&database, in_transaction).await;
            incremented.expect("the third retry succeeds");
            assert_eq!(db.count_since_abort_first().await, 4);
            assert_eq!(values(&database).await, [1, 0]);

            db.abort_first(4, "UPDATE ON counters", sql_state).await;
            let reported = increment_once(&database, in_transaction).await;
            assert_eq!(state(&reported.expect_err("reported")), Some(sql_state));
            assert_eq!(db.count_since_abort_first().await, 4);
            assert_eq!(values(&database).await, [1, 0]);
        }
    }
}

#[tokio::test]
async fn other_failures_are_not_retried() {
    let (db, database) = counters().await;
    // A lock that is not available, and a statement that may have been executed.
    for sql_state in ["55P03", "40003"] {
        db.abort_first(1, "UPDATE ON counters", sql_state).await;
        let reported = increment_once(&database, true).await;
        assert_eq!(state(&reported.expect_err("reported")), Some(sql_state));
        assert_eq!(db.count_since_abort_first().await, 1);
    }
}
