//! The e-mail addresses of users that were stored before they had a normal form, and the locale of the database.

use tidings_db::migrations::{self, MigrateError};
use tidings_db::users::{self, NewUser, SetEmailResult};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// Returns the address of each user, by name.
async fn emails(db: &TestDatabase) -> Vec<(String, Option<String>)> {
    let sql = "SELECT username, email FROM users ORDER BY username";
    let client = db.pool.dedicated_client().await.expect("a connection");
    let rows = client.query(sql, &[]).await.expect("the users");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Inserts a user with an address as it is.
async fn insert(db: &TestDatabase, username: &str, email: Option<&str>) -> UserId {
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
    id
}

async fn set_email(
    db: &TestDatabase,
    user: UserId,
    address: Option<&EmailAddress>,
) -> SetEmailResult {
    let set = db
        .pool
        .run(async |client| users::set_email(client, user, address).await);
    set.await.expect("the query")
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
    for (username, email) in before {
        insert(&db, username, email).await;
    }

    // Version 28 would refuse the addresses that two users have.
    let ran = migrations::run_until(&db.pool, 27).await.expect("migrated");
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
    let client = db.pool.dedicated_client().await.expect("a connection");
    let set = async |name: &str, email: &str| {
        let sql = format!("UPDATE users SET email = {email} WHERE username = '{name}'");
        client.batch_execute(&sql).await
    };
    let taken = set("ben 1", "'ben@example.com'").await;
    let taken = format!("{:?}", taken.expect_err("the address is taken"));
    assert!(taken.contains("23505"), "{taken}");
    assert!(set("ben 2", "NULL").await.is_ok());
    assert!(set("ben 1", "'ben@example.com'").await.is_ok());
    assert_eq!(emails(&db).await[1].1.as_deref(), Some("ben@example.com"));
}

/// In Turkish, `lower('I')` is `ı`.
#[tokio::test]
async fn in_a_turkish_database_the_migration_refuses_to_garble_addresses() {
    let db = TestDatabase::with_locale(&ServerUrls::shared(), "tr-TR").await;
    migrations::run_until(&db.pool, 11).await.expect("migrated");
    insert(&db, "ines", Some("INES@example.com")).await;
    let refused = migrations::run(&db.pool).await.expect_err("refused");
    assert!(
        matches!(refused, MigrateError::GarbledAddresses(1)),
        "{refused}"
    );
    assert_eq!(emails(&db).await[0].1.as_deref(), Some("INES@example.com"));

    // As the error says.
    let error = refused.to_string();
    let remedy = error.split('`').nth(1).expect("a statement");
    let client = db.pool.dedicated_client().await.expect("a connection");
    client.batch_execute(remedy).await.expect("executed");
    migrations::run(&db.pool).await.expect("migrated");
    assert_eq!(emails(&db).await[0].1.as_deref(), Some("ines@example.com"));
}

#[tokio::test]
async fn in_a_turkish_database_every_spelling_of_an_address_is_one_address() {
    let db = TestDatabase::with_locale(&ServerUrls::shared(), "tr-TR").await;
    migrations::run(&db.pool).await.expect("migrated");
    let users = [insert(&db, "a", None).await, insert(&db, "b", None).await];
    let set = async |user, address: &str| {
        let address: EmailAddress = address.parse().expect("an address");
        set_email(&db, user, Some(&address)).await
    };
    assert_eq!(
        set(users[0], "INES@example.com").await,
        SetEmailResult::Updated
    );
    assert_eq!(
        set(users[1], "ines@Example.com").await,
        SetEmailResult::AddressTaken
    );
}
