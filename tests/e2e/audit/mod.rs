//! The audit log: what is recorded, who reads it, and that nobody changes it.

mod actions;
mod guard;
mod partitions;
mod reading;
mod repeated;
mod roles;
mod tool;
mod transactions;

use serde_json::Value;
use tidings_db::audit::{self, AuditEntry, AuditFilter, AuditRow};
use tidings_db::{Database, DatabaseSettings, DbError, TransactionOptions};
use tidings_settings::Reader;
use tidings_tests::{Client, TestDatabase};

/// Records an entry in a transaction of its own.
async fn record(database: &Database, entry: &AuditEntry<'_>) {
    let recorded = database.transaction(TransactionOptions::default(), async |transaction| {
        audit::record(transaction, entry).await
    });
    recorded.await.expect("recorded");
}

/// All entries of a small log, the newest first.
async fn rows(db: &TestDatabase) -> Vec<AuditRow> {
    let filter = AuditFilter::default();
    let listed = db
        .pool
        .run(async |client| audit::list(client, &filter, None, 200).await);
    let (rows, next) = listed.await.expect("the entries");
    assert_eq!(next, None);
    rows
}

/// All entries of a small log as the API returns them, the newest first.
async fn entries(client: &Client) -> Vec<Value> {
    let answer = client.get("/api/audit?limit=200").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["entries"].as_array().expect("a list").clone()
}

/// Runs statements.
pub(crate) async fn execute(database: &Database, sql: &str) -> Result<(), DbError> {
    database
        .run(async |client| Ok(client.batch_execute(sql).await?))
        .await
}

/// Returns the SQLSTATE of statements that fail.
pub(crate) async fn refusal(database: &Database, sql: &str) -> String {
    let error = execute(database, sql).await.expect_err(sql);
    let state = error.sql_state().expect("a refusal by PostgreSQL");
    state.code().to_owned()
}

/// A pool for another URL.
pub(crate) fn pool(url: &str) -> Database {
    let mut reader = Reader::from_vars([("DATABASE_URL".to_owned(), url.to_owned())]);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("settings");
    Database::new(&settings, "tidings-tests").expect("a pool")
}
