//! The queries of `tidings_db::phone_numbers`.

use tidings_db::phone_numbers::{self, MAX_PER_USER, PhoneNumberRow};
use tidings_db::{DbError, LimitedInsert, TransactionOptions};
use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::UserId;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

fn number(n: usize) -> PhoneNumber {
    format!("+4915100000{n:03}").parse().expect("a number")
}

async fn insert(
    db: &TestDatabase,
    user: UserId,
    n: usize,
) -> Result<LimitedInsert<PhoneNumberRow>, DbError> {
    insert_number(db, user, &number(n)).await
}

async fn insert_number(
    db: &TestDatabase,
    user: UserId,
    number: &PhoneNumber,
) -> Result<LimitedInsert<PhoneNumberRow>, DbError> {
    db.pool
        .transaction(TransactionOptions::default(), async |transaction| {
            phone_numbers::insert(transaction, user, number).await
        })
        .await
}

async fn list(db: &TestDatabase, user: UserId) -> Vec<PhoneNumberRow> {
    let client = db.pool.dedicated_client().await.expect("a connection");
    phone_numbers::list(&*client, user).await.expect("a list")
}

async fn newest(db: &TestDatabase, user: UserId) -> Option<String> {
    let client = db.pool.dedicated_client().await.expect("a connection");
    let newest = phone_numbers::newest_addresses(&*client, &[user]).await;
    let (_, number) = newest.expect("the query").remove(&user)?;
    Some(number)
}

#[tokio::test]
async fn the_newest_number_is_the_one_added_last() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    assert_eq!(newest(&db, anna).await, None);
    for n in 1..=3 {
        let added = insert(&db, anna, n).await.expect("added");
        assert!(matches!(added, LimitedInsert::Inserted(row) if row.number == number(n).as_str()));
    }
    insert(&db, ben, 9).await.expect("added");
    assert_eq!(newest(&db, anna).await.as_deref(), Some(number(3).as_str()));
    let listed: Vec<_> = list(&db, anna)
        .await
        .into_iter()
        .map(|row| row.number)
        .collect();
    assert_eq!(listed, [3, 2, 1].map(|n| number(n).as_str().to_owned()));
}

#[tokio::test]
async fn adding_a_number_twice_changes_nothing() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let LimitedInsert::Inserted(first) = insert(&db, anna, 1).await.expect("added") else {
        panic!("not new");
    };
    insert(&db, anna, 2).await.expect("added");
    assert_eq!(
        insert(&db, anna, 1).await.expect("no error"),
        LimitedInsert::Existing(first)
    );
    assert_eq!(newest(&db, anna).await.as_deref(), Some(number(2).as_str()));
    // Several users may have the same number.
    let shared = insert(&db, ben, 1).await.expect("added");
    assert!(matches!(shared, LimitedInsert::Inserted(_)), "{shared:?}");
}

#[tokio::test]
async fn concurrent_inserts_do_not_exceed_the_limit_of_numbers() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let most = usize::try_from(MAX_PER_USER).expect("a small number");
    let adding = (0..most * 2).map(|n| insert(&db, user, n));
    let added = futures_util::future::join_all(adding).await;
    let (mut new, mut refused) = (0, 0);
    for one in added {
        match one.expect("no error") {
            LimitedInsert::Inserted(_) => new += 1,
            LimitedInsert::LimitReached => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((new, refused), (most, most));
    let listed = list(&db, user).await;
    assert_eq!(listed.len(), most);
    // A number that the user has does not count again.
    let again = listed[0].number.parse().expect("a number");
    let again = insert_number(&db, user, &again).await;
    assert!(matches!(again, Ok(LimitedInsert::Existing(_))), "{again:?}");
}

#[tokio::test]
async fn concurrent_inserts_of_one_number_add_it_once() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let added = futures_util::future::join_all((0..12).map(|_| insert(&db, user, 1))).await;
    let new = |added: &&Result<LimitedInsert<PhoneNumberRow>, DbError>| {
        matches!(added, Ok(LimitedInsert::Inserted(_)))
    };
    assert_eq!(added.iter().filter(new).count(), 1, "{added:?}");
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    assert_eq!(list(&db, user).await.len(), 1);
}

#[tokio::test]
async fn an_unknown_user_gets_no_number() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let nobody = UserId::from(Uuid::now_v7());
    let added = insert(&db, nobody, 1).await.expect("no error");
    assert_eq!(added, LimitedInsert::UnknownUser);
}

#[tokio::test]
async fn a_number_is_deleted_only_for_its_own_user_and_with_that_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let LimitedInsert::Inserted(row) = insert(&db, anna, 1).await.expect("added") else {
        panic!("not new");
    };
    insert(&db, anna, 2).await.expect("added");
    let client = db.pool.dedicated_client().await.expect("a connection");
    let delete = async |user| {
        phone_numbers::delete(&*client, user, row.id)
            .await
            .expect("done")
    };
    assert!(!delete(ben).await);
    assert!(delete(anna).await);
    assert!(!delete(anna).await);
    client
        .execute("DELETE FROM users WHERE id = $1", &[&anna.as_uuid()])
        .await
        .expect("deleted");
    assert_eq!(list(&db, anna).await, []);
}
