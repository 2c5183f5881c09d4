//! The queries of `tidings_db::users`, and the demo data.

use tidings_db::users::{self, NewUser, SetEmailResult, UserEmail};
use tidings_db::{DbError, demo};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{ServerUrls, TestDatabase, origin};
use uuid::Uuid;

async fn insert(db: &TestDatabase, id: UserId, name: &str, mail: &str) -> Result<bool, DbError> {
    let client = db.pool.dedicated_client().await?;
    let user = NewUser {
        id,
        username: name,
        email: Some(mail),
    };
    users::insert(&*client, user).await
}

fn id() -> UserId {
    UserId::from(Uuid::now_v7())
}

#[tokio::test]
async fn a_user_is_unique_by_id_name_and_email_address() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let anna = id();
    let made = insert(&db, anna, "anna", "anna@example.com").await;
    assert!(made.expect("a new user"));
    for (other, name, mail) in [
        (anna, "anna2", "anna2@example.com"),
        (id(), "anna", "anna3@example.com"),
        (id(), "anna4", "anna@example.com"),
    ] {
        let made = insert(&db, other, name, mail).await;
        assert!(!made.expect("no error"), "{name} {mail}");
    }
}

#[tokio::test]
async fn existing_users_are_distinguished_from_unknown_ones() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (there, also, nobody) = (db.user().await, db.user().await, id());
    let client = db.pool.dedicated_client().await.expect("a connection");
    let found = users::existing(&*client, &[nobody, there, also]).await;
    let found = found.expect("the query");
    assert_eq!(found, [there, also].into());
    let none = users::existing(&*client, &[]).await.expect("the query");
    assert!(none.is_empty());
}

#[tokio::test]
async fn demo_users_are_created_once() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    assert_eq!(
        demo::seed(&db.pool, &keys(KEY), &origin())
            .await
            .expect("seeded"),
        3
    );
    assert_eq!(
        demo::seed(&db.pool, &keys(KEY), &origin())
            .await
            .expect("seeded again"),
        0
    );
    let client = db.pool.dedicated_client().await.expect("a connection");
    let testuser = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";
    let ids = [testuser.parse().expect("a UUID")];
    let found = users::existing(&*client, &ids).await.expect("the query");
    assert_eq!(found, ids.into());
}

#[tokio::test]
async fn a_user_without_an_email_address_is_distinguished_from_an_unknown_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben, nobody) = (id(), db.user().await, id());
    insert(&db, anna, "anna", "anna@example.com")
        .await
        .expect("a user");
    let client = db.pool.dedicated_client().await.expect("a connection");
    for (user, expected) in [
        (
            anna,
            Some(UserEmail::Address("anna@example.com".to_owned())),
        ),
        (ben, Some(UserEmail::None)),
        (nobody, None),
    ] {
        let email = users::email(&*client, user).await.expect("the query");
        assert_eq!(email, expected);
        let exists = users::exists(&*client, user).await.expect("the query");
        assert_eq!(exists, expected.is_some());
    }
}

#[tokio::test]
async fn an_email_address_is_set_unless_another_user_has_it() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let client = db.pool.dedicated_client().await.expect("a connection");
    let address: EmailAddress = "anna@example.com".parse().expect("an address");
    let set = async |user, address| {
        users::set_email(&*client, user, address)
            .await
            .expect("no error")
    };
    assert_eq!(set(anna, Some(&address)).await, SetEmailResult::Updated);
    assert_eq!(set(anna, Some(&address)).await, SetEmailResult::Updated);
    assert_eq!(set(ben, Some(&address)).await, SetEmailResult::AddressTaken);
    assert_eq!(set(id(), Some(&address)).await, SetEmailResult::UnknownUser);
    assert_eq!(set(anna, None).await, SetEmailResult::Updated);
    assert_eq!(set(ben, Some(&address)).await, SetEmailResult::Updated);
    let email = users::email(&*client, anna).await.expect("the query");
    assert_eq!(email, Some(UserEmail::None));
}
