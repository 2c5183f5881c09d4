//! The schema's embedded migrations, and connecting with TLS.

use tidings_db::users::{self, NewUser, SetEmailResult};
use tidings_db::{Database, DatabaseSettings, migrations};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tidings_settings::Reader;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

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

/// Returns the address of each user, by name.
async fn emails(db: &TestDatabase) -> Vec<(String, Option<String>)> {
    let sql = "SELECT username, email FROM users ORDER BY username";
    let client = db.pool.dedicated_client().await.expect("a connection");
    let rows = client.query(sql, &[]).await.expect("the users");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Version 12 introduces the normal form of addresses.
#[tokio::test]
async fn stored_addresses_become_lower_case_unless_two_users_have_the_same() {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    migrations::run_until(&db.pool, 11).await.expect("migrated");
    let before = [
        ("anna", Some("Anna.Berg@Example.COM")),
        ("ben 1", Some("Ben@example.com")),
        ("ben 2", Some("ben@example.com")),
        ("carl 1", Some("CARL@example.com")),
        ("carl 2", Some("Carl@example.com")),
        ("dora", Some("dora@example.com")),
        ("emil", None),
        ("jürgen", Some("Jürgen@example.com")),
    ];
    let mut ids = Vec::new();
    for (username, email) in before {
        let id = UserId::from(Uuid::now_v7());
        let user = NewUser {
            id,
            username,
            email,
        };
        let inserted = db
            .pool
            .run(async |client| users::insert(client, user).await)
            .await;
        assert!(inserted.expect("inserted"), "{username}");
        ids.push(id);
    }

    let ran = migrations::run(&db.pool).await.expect("migrated");
    assert!(
        ran.iter().any(|name| name.contains("emails_lower_case")),
        "{ran:?}"
    );
    let mut after = before;
    after[0].1 = Some("anna.berg@example.com");
    let after: Vec<_> = after
        .iter()
        .map(|(name, email)| ((*name).to_owned(), email.map(str::to_owned)))
        .collect();
    assert_eq!(emails(&db).await, after);

    // The user with the normal form keeps the address, until it is removed there.
    let address: EmailAddress = "Ben@example.com".parse().expect("an address");
    let set = async |user: UserId, address: Option<&EmailAddress>| {
        let set = db
            .pool
            .run(async |client| users::set_email(client, user, address).await);
        set.await.expect("the query")
    };
    assert_eq!(
        set(ids[1], Some(&address)).await,
        SetEmailResult::AddressTaken
    );
    assert_eq!(set(ids[2], None).await, SetEmailResult::Updated);
    assert_eq!(set(ids[1], Some(&address)).await, SetEmailResult::Updated);
    assert_eq!(emails(&db).await[1].1.as_deref(), Some("ben@example.com"));
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
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'refinery_schema_history'
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
