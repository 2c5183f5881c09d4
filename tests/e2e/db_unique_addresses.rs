//! Migration 28, which makes an e-mail address unique in all its spellings, on a database with users.

use tidings_db::migrations::{self, MigrateError};
use tidings_tests::{ServerUrls, TestDatabase};

async fn execute(db: &TestDatabase, sql: &str) -> Result<(), tidings_db::DbError> {
    db.pool
        .run(async |client| Ok(client.batch_execute(sql).await?))
        .await
}

/// All users as PostgreSQL shows them.
async fn users(db: &TestDatabase) -> Vec<String> {
    let rows = db
        .pool
        .run(async |client| {
            let sql =
                "SELECT username || ': ' || coalesce(email, '-') FROM users ORDER BY username";
            Ok(client.query(sql, &[]).await?)
        })
        .await
        .expect("the users");
    rows.iter().map(|row| row.get(0)).collect()
}

/// What the version before inserts.
async fn insert(db: &TestDatabase, username: &str, email: &str) -> Result<(), tidings_db::DbError> {
    let sql = format!(
        "INSERT INTO users (id, username, email) VALUES (gen_random_uuid(), '{username}', '{email}')"
    );
    execute(db, &sql).await
}

#[tokio::test]
async fn users_with_one_address_in_different_spellings_are_reported_and_not_changed() {
    let db = TestDatabase::empty(&ServerUrls::shared()).await;
    migrations::run_until(&db.pool, 27).await.expect("migrated");
    for (username, email) in [
        ("anna", "anna@example.com"),
        ("anna 2", "Anna@Example.com"),
        ("ben", "BEN@example.com"),
        ("ben 2", "Ben@example.com"),
        ("ben 3", "ben@example.com"),
        // Composed and decomposed.
        ("jürgen", "j\u{fc}rgen@example.com"),
        ("jürgen 2", "ju\u{308}rgen@example.com"),
        ("dora", "Dora@Example.com"),
    ] {
        insert(&db, username, email).await.expect("inserted");
    }
    let before = users(&db).await;

    let refused = migrations::run(&db.pool).await.expect_err("refused");
    let counts = (3, 7);
    assert!(
        matches!(&refused, MigrateError::SharedAddresses { addresses, users } if (*addresses, *users) == counts),
        "{refused}"
    );
    assert_eq!(users(&db).await, before);
    let pending = migrations::pending(&db.pool).await.expect("pending");
    assert!(pending[0].starts_with("V28__"), "{pending:?}");

    // As the error says.
    let error = refused.to_string();
    assert!(
        error.starts_with("3 e-mail addresses belong to several users"),
        "{error}"
    );
    let mut statements = error.split('`').skip(1).step_by(2);
    let list = statements.next().expect("a statement").to_owned();
    let listed = db
        .pool
        .run(async |client| Ok(client.query(&list, &[]).await?))
        .await;
    let listed = listed.expect("the users");
    assert_eq!(listed.len(), 7);
    let remedy = statements.next().expect("a statement");
    for other in ["anna 2", "ben", "ben 2", "jürgen 2"] {
        let id = listed
            .iter()
            .find(|row| row.get::<_, &str>("username") == other);
        let id: uuid::Uuid = id.expect("the user").get("id");
        execute(&db, &remedy.replace('…', &id.to_string()))
            .await
            .expect("executed");
    }
    migrations::run(&db.pool).await.expect("migrated");
    assert_eq!(users(&db).await.len(), 8);
    // Started again, it asks no more.
    migrations::run(&db.pool).await.expect("nothing to do");
    for taken in [
        "ANNA@example.com",
        "ben@EXAMPLE.com",
        "JU\u{308}RGEN@example.com".to_lowercase().as_str(),
        "dora@example.com",
    ] {
        insert(&db, taken, taken).await.expect_err(taken);
    }
    insert(&db, "emil", "Emil@example.com")
        .await
        .expect("inserted");
}

/// The programs of the version before go on, and so does SQL of the operator.
#[tokio::test]
async fn statements_of_the_version_before_set_all_that_is_new() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    insert(&db, "anna", "anna@example.com")
        .await
        .expect("inserted");
    let changed = async || {
        let row = db
            .pool
            .run(async |client| {
                let sql = "SELECT updated_at > created_at, locale IS NULL AND timezone IS NULL FROM users";
                Ok(client.query_one(sql, &[]).await?)
            })
            .await
            .expect("the user");
        assert!(row.get::<_, bool>(1));
        row.get::<_, bool>(0)
    };
    assert!(!changed().await);
    execute(&db, "UPDATE users SET email = email, password_hash = 'x'")
        .await
        .expect("executed");
    assert!(!changed().await);
    execute(&db, "UPDATE users SET email = 'b@example.com'")
        .await
        .expect("executed");
    assert!(changed().await);
}
