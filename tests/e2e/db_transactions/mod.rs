//! `tidings_db::Database`: how `run` and `transaction` end, and what they leave behind in the pool.

mod conflicts;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use tidings_db::{
    Database, DatabaseSettings, DbError, IsolationLevel, Transaction, TransactionOptions,
};
use tidings_settings::Reader;
use tidings_tests::{ServerUrls, TestDatabase, eventually, secs};
use tokio::sync::Notify;

const DEFAULT: TransactionOptions = TransactionOptions {
    isolation: IsolationLevel::ReadCommitted,
    read_only: false,
    deferrable: false,
};

/// A database with the table `counters`, whose rows 1 and 2 are 0, and a pool of one connection, so that each
/// caller gets the connection that the one before left behind.
async fn counters() -> (TestDatabase, Database) {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    let variables = [
        ("DATABASE_URL", db.url()),
        ("DATABASE_POOL_SIZE", "1"),
        ("DATABASE_STATEMENT_TIMEOUT_MS", "20000"),
    ];
    let mut reader = Reader::from_vars(variables.map(|(name, value)| (name.into(), value.into())));
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("database settings");
    let single = Database::new(&settings, "tidings-tests").expect("a pool");
    let create = "CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL);
                  INSERT INTO counters VALUES (1, 0), (2, 0)";
    let created = single.run(async |client| Ok(client.batch_execute(create).await?));
    created.await.expect("created");
    (db, single)
}

async fn increment(transaction: &Transaction<'_>, id: i32) -> Result<(), DbError> {
    let sql = "UPDATE counters SET value = value + 1 WHERE id = $1";
    transaction.execute(sql, &[&id]).await?;
    Ok(())
}

async fn values(database: &Database) -> Vec<i32> {
    let sql = "SELECT value FROM counters ORDER BY id";
    let rows = database.run(async |client| Ok(client.query(sql, &[]).await?));
    rows.await
        .expect("rows")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// The server process of the pool's only connection.
async fn server_process(database: &Database) -> i32 {
    let row = database
        .run(async |client| Ok(client.query_one("SELECT pg_backend_pid()", &[]).await?))
        .await;
    row.expect("a process id").get(0)
}

/// Waits until no connection to the database has a transaction open.
async fn until_no_transaction_is_open(db: &TestDatabase) {
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    eventually(secs(10), "no transaction is open", async || {
        let count = db
            .pool
            .run(async |client| Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0)));
        count.await.expect("a count") == 0
    })
    .await;
}

fn state(error: &DbError) -> Option<&str> {
    error.sql_state().map(tokio_postgres::error::SqlState::code)
}

#[tokio::test]
async fn a_transaction_commits_on_ok() {
    let (_db, database) = counters().await;
    let committed = database
        .transaction(DEFAULT, async |transaction| {
            increment(transaction, 1).await?;
            increment(transaction, 2).await?;
            Ok("done")
        })
        .await;
    assert_eq!(committed.expect("committed"), "done");
    assert_eq!(values(&database).await, [1, 1]);
}

#[tokio::test]
async fn a_transaction_rolls_back_on_err_and_its_connection_goes_back_to_the_pool() {
    let (db, database) = counters().await;
    let process = server_process(&database).await;
    let calls = AtomicU32::new(0);
    let refused: Result<(), DbError> = database
        .transaction(DEFAULT, async |transaction| {
            calls.fetch_add(1, Ordering::Relaxed);
            increment(transaction, 1).await?;
            transaction.execute("SELECT 1 / 0", &[]).await?;
            Ok(())
        })
        .await;
    assert_eq!(state(&refused.expect_err("refused")), Some("22012"));
    assert_eq!(
        calls.into_inner(),
        1,
        "only aborted transactions are retried"
    );
    until_no_transaction_is_open(&db).await;
    assert_eq!(values(&database).await, [0, 0]);
    assert_eq!(server_process(&database).await, process);
}

#[tokio::test]
async fn a_transaction_rolls_back_on_a_panic_and_its_connection_is_closed() {
    let (db, database) = counters().await;
    let process = server_process(&database).await;
    let panicking = database.transaction(DEFAULT, async |transaction| {
        increment(transaction, 1).await?;
        assert_eq!(process, 0, "the panic that the test provokes");
        Ok(())
    });
    assert!(AssertUnwindSafe(panicking).catch_unwind().await.is_err());
    until_no_transaction_is_open(&db).await;
    assert_eq!(values(&database).await, [0, 0]);
    assert_ne!(server_process(&database).await, process);
}

#[tokio::test]
async fn a_dropped_transaction_rolls_back_and_its_connection_is_closed() {
    let (db, database) = counters().await;
    let process = server_process(&database).await;
    let incremented = Notify::new();
    let hanging = database.transaction(DEFAULT, async |transaction| {
        increment(transaction, 1).await?;
        incremented.notify_one();
        std::future::pending::<Result<(), DbError>>().await
    });
    tokio::select! {
        _ = hanging => panic!("the transaction never ends by itself"),
        () = incremented.notified() => {}
    }
    until_no_transaction_is_open(&db).await;
    assert_eq!(values(&database).await, [0, 0]);
    assert_ne!(server_process(&database).await, process);
}

#[tokio::test]
async fn a_transaction_has_the_characteristics_that_are_asked_for() {
    let (_db, database) = counters().await;
    let characteristics = async |options| {
        let sql = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),
                          current_setting('transaction_deferrable')";
        let row = database.transaction(options, async |transaction| {
            Ok(transaction.query_one(sql, &[]).await?)
        });
        let row = row.await.expect("a row");
        [0, 1, 2].map(|column| row.get::<_, String>(column))
    };
    let default = characteristics(TransactionOptions::default()).await;
    assert_eq!(default, ["read committed", "off", "off"]);
    let report = characteristics(TransactionOptions {
        isolation: IsolationLevel::Serializable,
        read_only: true,
        deferrable: true,
    });
    assert_eq!(report.await, ["serializable", "on", "on"]);
}

#[tokio::test]
async fn a_connection_of_run_goes_back_to_the_pool_unless_a_statement_may_still_run() {
    let (db, database) = counters().await;
    let process = server_process(&database).await;
    let refused = database.run(async |client| Ok(client.execute("SELECT 1 / 0", &[]).await?));
    assert_eq!(state(&refused.await.expect_err("refused")), Some("22012"));
    assert_eq!(server_process(&database).await, process, "after a refusal");

    let lock = "SELECT pg_advisory_lock(1)";
    let holder = db.pool.dedicated_client().await.expect("a connection");
    holder.execute(lock, &[]).await.expect("locked");
    let started = Notify::new();
    let waiting = database.run(async |client| {
        started.notify_one();
        Ok(client.execute(lock, &[]).await?)
    });
    tokio::select! {
        _ = waiting => panic!("the lock is taken"),
        () = started.notified() => {}
    }
    assert_ne!(server_process(&database).await, process, "after a drop");

    let process = server_process(&database).await;
    let lost = database.run(async |client| {
        let sql = "SELECT pg_terminate_backend(pg_backend_pid())";
        Ok(client.execute(sql, &[]).await?)
    });
    assert_eq!(state(&lost.await.expect_err("lost")), Some("57P01"));
    assert_ne!(server_process(&database).await, process, "after its end");
}
