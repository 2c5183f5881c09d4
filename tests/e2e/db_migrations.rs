//! The schema's embedded migrations, and connecting with TLS.

use tidings_db::{Database, DatabaseSettings, migrations};
use tidings_settings::Reader;
use tidings_tests::{ServerUrls, TestDatabase};

#[tokio::test]
async fn three_concurrent_runners_migrate_once() {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    let pending = migrations::pending(&db.pool).await.expect("pending ones");
    assert!(!pending.is_empty());
    let (a, b, c) = tokio::join!(
        migrations::run(&db.pool),
        migrations::run(&db.pool),
        migrations::run(&db.pool)
    );
    let ran: Vec<_> = [a, b, c]
        .into_iter()
        .flat_map(|ran| ran.expect("no error"))
        .collect();
    assert_eq!(ran, pending);
    let pending = migrations::pending(&db.pool).await.expect("pending ones");
    assert_eq!(pending, [""; 0]);
}

#[tokio::test]
async fn migrations_accept_the_schema_of_a_newer_version() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let newer =
        "INSERT INTO refinery_schema_history VALUES (9999, 'newer', '2026-01-01T00:00:00Z', '1')";
    client.batch_execute(newer).await.expect("inserted");
    let ran = migrations::run(&db.pool).await.expect("not an error");
    assert_eq!(ran, [""; 0]);
}

#[tokio::test]
async fn every_column_has_a_comment() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let silent = client
        .query(
            // The columns of a partition are those of its table.
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'refinery_schema_history'
               AND NOT (SELECT relispartition FROM pg_class
                        WHERE oid = (table_schema || '.' || table_name)::regclass)
               AND col_description((table_schema || '.' || table_name)::regclass, ordinal_position) IS NULL",
            &[],
        )
        .await
        .expect("the query");
    let silent: Vec<String> = silent.iter().map(|row| row.get(0)).collect();
    assert_eq!(silent, [""; 0]);
}

/// A second index on the same columns in the same order would slow down every insert.
#[tokio::test]
async fn no_index_duplicates_another() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let repeated = client
        .query(
            "SELECT a.indexrelid::regclass::text FROM pg_index a JOIN pg_index b
               ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
              AND (b.indkey::text || ' ') LIKE (a.indkey::text || ' %')
              AND a.indpred IS NOT DISTINCT FROM b.indpred
              AND NOT (a.indisunique AND a.indkey::text <> b.indkey::text)
             WHERE a.indrelid::regclass::text IN ('users', 'notifications')",
            &[],
        )
        .await
        .expect("the query");
    let repeated: Vec<String> = repeated.iter().map(|row| row.get(0)).collect();
    assert_eq!(repeated, [""; 0]);
}

#[tokio::test]
async fn required_tls_fails_on_a_server_without_tls() {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    let error = ping(&format!("{}?sslmode=require", db.url())).await;
    let error = error.expect_err("this server has no TLS").to_string();
    assert!(error.to_lowercase().contains("tls"), "{error}");
}

#[tokio::test]
async fn preferred_and_disabled_tls_connect_to_a_server_without_tls() {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    for mode in ["prefer", "disable"] {
        let answer = ping(&format!("{}?sslmode={mode}", db.url())).await;
        assert!(answer.is_ok(), "{mode}: {answer:?}");
    }
}

async fn ping(url: &str) -> Result<(), tidings_db::DbError> {
    let mut reader = Reader::from_vars([("DATABASE_URL".to_owned(), url.to_owned())]);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("settings");
    let database = Database::new(&settings, "tidings-tests").expect("a pool");
    database.ping().await
}
