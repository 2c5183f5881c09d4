//! The queries of `tidings_db::device_tokens`.

use tidings_db::device_tokens::{self, DeviceTokenRow, MAX_PER_USER};
use tidings_db::{DbError, LimitedInsert, TransactionOptions};
use tidings_domain::content::DeviceToken;
use tidings_domain::notification::UserId;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

async fn upsert(
    db: &TestDatabase,
    user: UserId,
    token: &str,
    name: Option<&str>,
) -> Result<LimitedInsert<DeviceTokenRow>, DbError> {
    let token: DeviceToken = token.parse().expect("a token");
    db.pool
        .transaction(TransactionOptions::default(), async |transaction| {
            device_tokens::upsert(transaction, user, &token, name).await
        })
        .await
}

async fn new(db: &TestDatabase, user: UserId, token: &str) -> DeviceTokenRow {
    match upsert(db, user, token, None).await.expect("no error") {
        LimitedInsert::Inserted(row) => row,
        other => panic!("{other:?}"),
    }
}

async fn tokens_of(db: &TestDatabase, user: UserId) -> Vec<String> {
    let client = db.pool.dedicated_client().await.expect("a connection");
    let all = device_tokens::list_addresses(&*client, &[user]).await;
    let all = all.expect("the query").remove(&user).unwrap_or_default();
    let listed = device_tokens::list(&*client, user).await.expect("a list");
    let pairs: Vec<_> = listed.into_iter().map(|row| (row.id, row.token)).collect();
    assert_eq!(all, pairs);
    all.into_iter().map(|(_, token)| token).collect()
}

#[tokio::test]
async fn devices_are_listed_newest_first() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    for token in ["a", "b", "c"] {
        new(&db, anna, token).await;
    }
    new(&db, ben, "d").await;
    assert_eq!(tokens_of(&db, anna).await, ["c", "b", "a"]);
}

#[tokio::test]
async fn registering_a_device_again_keeps_it_and_may_name_it() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let first = new(&db, user, "a").await;
    assert_eq!(first.name, None);
    for (given, expected) in [
        (Some("Telephone"), "Telephone"),
        (None, "Telephone"),
        (Some("Tablet"), "Tablet"),
    ] {
        let again = upsert(&db, user, "a", given).await.expect("no error");
        let expected = DeviceTokenRow {
            name: Some(expected.to_owned()),
            ..first.clone()
        };
        assert_eq!(again, LimitedInsert::Existing(expected));
    }
    assert_eq!(tokens_of(&db, user).await, ["a"]);
}

#[tokio::test]
async fn a_device_that_another_user_registers_moves_to_that_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let annas = new(&db, anna, "a").await;
    new(&db, ben, "b").await;
    let bens = new(&db, ben, "a").await;
    assert_ne!(
        annas.id, bens.id,
        "what Anna knows of it does not reach Ben's"
    );
    assert_eq!(tokens_of(&db, anna).await, [""; 0]);
    assert_eq!(tokens_of(&db, ben).await, ["a", "b"]);
}

#[tokio::test]
async fn a_device_that_two_users_register_concurrently_belongs_to_one() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let users = [db.user().await, db.user().await];
    let registering = (0..12).map(|n| upsert(&db, users[n % 2], "a", None));
    let registered = futures_util::future::join_all(registering).await;
    assert!(registered.iter().all(Result::is_ok), "{registered:?}");
    let counts = [
        tokens_of(&db, users[0]).await.len(),
        tokens_of(&db, users[1]).await.len(),
    ];
    assert_eq!(counts.iter().sum::<usize>(), 1, "{counts:?}");
}

#[tokio::test]
async fn concurrent_registrations_do_not_exceed_the_limit_of_devices() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (user, other) = (db.user().await, db.user().await);
    let most = usize::try_from(MAX_PER_USER).expect("a small number");
    let tokens: Vec<String> = (0..most * 2).map(|n| format!("token-{n}")).collect();
    let registering = tokens.iter().map(|token| upsert(&db, user, token, None));
    let registered = futures_util::future::join_all(registering).await;
    let refused = |added: &&Result<LimitedInsert<DeviceTokenRow>, DbError>| {
        matches!(added, Ok(LimitedInsert::LimitReached))
    };
    assert_eq!(registered.iter().filter(refused).count(), most);
    let theirs = tokens_of(&db, user).await;
    assert_eq!(theirs.len(), most);

    // A device of another user counts as well, and stays with that user.
    new(&db, other, "other").await;
    let taken = upsert(&db, user, "other", None).await.expect("no error");
    assert_eq!(taken, LimitedInsert::LimitReached);
    assert_eq!(tokens_of(&db, other).await, ["other"]);
    // A device that the user has does not count again.
    let again = upsert(&db, user, &theirs[0], None).await;
    assert!(matches!(again, Ok(LimitedInsert::Existing(_))), "{again:?}");
}

#[tokio::test]
async fn an_unknown_user_gets_no_device() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let nobody = UserId::from(Uuid::now_v7());
    let added = upsert(&db, nobody, "a", None).await.expect("no error");
    assert_eq!(added, LimitedInsert::UnknownUser);
}

#[tokio::test]
async fn a_device_is_deleted_only_for_its_own_user_and_with_that_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let device = new(&db, anna, "a").await;
    new(&db, anna, "b").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let delete = async |user| {
        let deleted = device_tokens::delete(&*client, user, device.id).await;
        deleted.expect("no error")
    };
    assert!(!delete(ben).await);
    assert!(delete(anna).await);
    assert!(!delete(anna).await);
    client
        .execute("DELETE FROM users WHERE id = $1", &[&anna.as_uuid()])
        .await
        .expect("deleted");
    assert_eq!(tokens_of(&db, anna).await, [""; 0]);
}

/// Uses tokens of every length and with every allowed character.
#[tokio::test]
async fn a_device_is_deleted_by_any_valid_token() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    // Hard to compress, and longer than an index entry may be.
    let long: String = std::iter::repeat_with(|| Uuid::new_v4().simple().to_string())
        .take(128)
        .collect();
    assert_eq!(long.len(), 4096);
    let visible: String = ('!'..='~').collect();
    let tokens = [&long, &visible, "\\", "\\\\", "\\x41", "A", "\\101"];
    for token in tokens {
        new(&db, user, token).await;
    }
    let client = db.pool.dedicated_client().await.expect("a connection");
    for (gone, token) in tokens.into_iter().enumerate() {
        let forget = async || {
            device_tokens::delete_by_token(&*client, token)
                .await
                .expect("no error")
        };
        assert!(forget().await, "{token}");
        assert!(!forget().await, "{token}");
        let left = tokens_of(&db, user).await;
        assert_eq!(left.len(), tokens.len() - gone - 1);
        assert!(!left.iter().any(|other| other == token));
    }
}
