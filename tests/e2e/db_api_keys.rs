//! The queries of `tidings_db::api_keys`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_db::api_keys::{
    self, ApiKeyRow, ChangedKeys, CreateKeyResult, KeyChanges, KeyFilter, KeySnapshot, NewApiKey,
};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::access::{ApiKey, ApiKeyId, Scopes};
use tidings_domain::change::Change;
use tidings_domain::notification::UserId;
use tidings_tests::{ServerUrls, TestDatabase};

async fn create(db: &TestDatabase, user: Option<UserId>) -> (ApiKey, CreateKeyResult) {
    let key = ApiKey::generate().expect("a key");
    let new = NewApiKey {
        key: &key,
        name: "tests",
        scopes: Scopes::of_claim("notifications:read dashboard"),
        user,
        rate_per_minute: Some(60),
        expires_at: None,
        created_by: "tests",
    };
    let result = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            api_keys::create(transaction, &new).await
        });
    let result = result.await.expect("the query");
    (key, result)
}

async fn created(db: &TestDatabase, user: Option<UserId>) -> (ApiKey, ApiKeyRow) {
    match create(db, user).await {
        (key, CreateKeyResult::Created(row)) => (key, *row),
        (_, other) => panic!("{other:?}"),
    }
}

async fn changes(db: &TestDatabase, since: Option<&KeySnapshot>) -> ChangedKeys {
    let read = db
        .pool
        .run(async |client| api_keys::changes(client, since).await);
    read.await.expect("the queries")
}

fn ids(changed: &ChangedKeys) -> Vec<ApiKeyId> {
    let mut ids: Vec<_> = changed.live.iter().map(|key| key.id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_key_is_created_listed_changed_and_revoked() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let (first, row) = created(&db, None).await;
    let (second, of_user) = created(&db, Some(user)).await;
    assert_eq!((row.id, row.rate_per_minute), (first.id(), Some(60)));
    let nobody = UserId::from(uuid::Uuid::now_v7());
    assert_eq!(
        create(&db, Some(nobody)).await.1,
        CreateKeyResult::UnknownUser
    );

    let client = db.pool.dedicated_client().await.expect("a connection");
    let all = KeyFilter {
        user: None,
        revoked: true,
    };
    let (page, next) = api_keys::list(&*client, all, None, 1)
        .await
        .expect("a page");
    assert_eq!(page, std::slice::from_ref(&of_user));
    let (page, next) = api_keys::list(&*client, all, next, 1)
        .await
        .expect("a page");
    assert_eq!((&page, next), (&vec![row.clone()], None));
    let of = KeyFilter {
        user: Some(user),
        revoked: false,
    };
    assert_eq!(
        api_keys::list(&*client, of, None, 9)
            .await
            .expect("a page")
            .0,
        [of_user]
    );

    let expires_at = Timestamp::now() + SignedDuration::from_hours(1);
    let new = KeyChanges {
        name: Some("renamed".to_owned()),
        scopes: Some(Scopes::of_claim("inbox")),
        rate_per_minute: Change::Set(None),
        expires_at: Change::Set(Some(expires_at)),
    };
    let changed = api_keys::update(&*client, first.id(), &new)
        .await
        .expect("the query")
        .expect("a key");
    assert_eq!(
        (changed.name.as_str(), changed.rate_per_minute),
        ("renamed", None)
    );
    assert_eq!(changed.scopes, Scopes::of_claim("inbox"));
    assert!(changed.expires_at.is_some());
    let kept = api_keys::update(&*client, first.id(), &KeyChanges::default()).await;
    assert_eq!(kept.expect("the query"), Some(changed));

    let rotated = ApiKey::with_id(first.id()).expect("a key");
    let row = api_keys::rotate(&*client, &rotated, Duration::from_hours(1))
        .await
        .expect("the query");
    let until = row.and_then(|row| row.previous_until).expect("an overlap");
    assert!(until > Timestamp::now() + SignedDuration::from_mins(59));
    let live = changes(&db, None).await.live;
    let key = live.iter().find(|key| key.id == first.id()).expect("a key");
    assert_eq!(key.hash, rotated.secret_hash());
    assert_eq!(
        key.previous.as_ref().map(|previous| previous.hash),
        Some(first.secret_hash())
    );
    let key = live
        .iter()
        .find(|key| key.id == second.id())
        .expect("a key");
    assert_eq!(
        key.scopes,
        Scopes::of_claim("notifications:read"),
        "only those about the user"
    );

    let revoked = api_keys::revoke(&*client, first.id())
        .await
        .expect("the query");
    assert_eq!(
        api_keys::find(&*client, first.id())
            .await
            .expect("the query"),
        revoked
    );
    assert_eq!(
        api_keys::revoke(&*client, first.id())
            .await
            .expect("the query"),
        None
    );
    assert_eq!(
        api_keys::update(&*client, first.id(), &new)
            .await
            .expect("the query"),
        None
    );
    let again = api_keys::rotate(&*client, &rotated, Duration::ZERO).await;
    assert_eq!(again.expect("the query"), None);
}

#[tokio::test]
async fn a_read_finds_what_was_committed_since_the_last_one_and_nothing_else() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let (first, _) = created(&db, None).await;
    let (second, _) = created(&db, Some(user)).await;
    let read = changes(&db, None).await;
    let mut both = vec![first.id(), second.id()];
    both.sort_unstable();
    assert!(read.is_complete);
    assert_eq!(ids(&read), both);
    let read = changes(&db, Some(&read.snapshot)).await;
    assert!(!read.is_complete && read.live.is_empty() && read.ended.is_empty());

    // A transaction that is open during a read, and ends later than one with a larger id.
    let key = ApiKey::generate().expect("a key");
    let mut snapshot = read.snapshot;
    let committed = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let new = NewApiKey {
                key: &key,
                name: "late",
                scopes: Scopes::ADMIN,
                user: None,
                rate_per_minute: None,
                expires_at: None,
                created_by: "tests",
            };
            api_keys::create(transaction, &new).await?;
            let (third, _) = created(&db, None).await;
            let read = changes(&db, Some(&snapshot)).await;
            assert_eq!(ids(&read), [third.id()]);
            Ok::<_, DbError>(read.snapshot)
        });
    snapshot = committed.await.expect("committed");
    let read = changes(&db, Some(&snapshot)).await;
    assert_eq!(ids(&read), [key.id()]);

    // The use of a key is no change. Suspending, deleting the user and revoking are.
    let now = [(first.id(), Timestamp::now())];
    let client = db.pool.dedicated_client().await.expect("a connection");
    assert_eq!(api_keys::touch(&*client, &now).await.expect("the query"), 1);
    assert_eq!(
        api_keys::touch(&*client, &now).await.expect("the query"),
        0,
        "once a minute"
    );
    let later = [(first.id(), now[0].1 + SignedDuration::from_secs(60))];
    assert_eq!(
        api_keys::touch(&*client, &later).await.expect("the query"),
        1
    );
    let read = changes(&db, Some(&read.snapshot)).await;
    assert!(read.live.is_empty() && read.ended.is_empty());
    for suspended in [true, false] {
        let changed = api_keys::set_suspended(&*client, user, suspended).await;
        assert_eq!(changed.expect("the query"), 1);
        let again = api_keys::set_suspended(&*client, user, suspended).await;
        assert_eq!(again.expect("the query"), 0);
    }
    let read = changes(&db, Some(&read.snapshot)).await;
    assert_eq!(ids(&read), [second.id()]);
    api_keys::set_suspended(&*client, user, true)
        .await
        .expect("the query");
    let suspended = changes(&db, Some(&read.snapshot)).await;
    assert_eq!(suspended.ended, [second.id()]);
    assert!(
        tidings_db::users::delete(&*client, user)
            .await
            .expect("the query")
    );
    api_keys::revoke(&*client, first.id())
        .await
        .expect("the query");
    let mut read = changes(&db, Some(&suspended.snapshot)).await;
    read.ended.sort_unstable();
    assert_eq!(read.ended, both);
    let row = api_keys::find(&*client, second.id())
        .await
        .expect("the query")
        .expect("a row");
    assert!(row.user_id.is_none() && row.revoked_at.is_some());
}

#[tokio::test]
async fn there_is_a_limit_for_keys_that_are_not_revoked() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let max = u32::try_from(api_keys::MAX_KEYS).expect("a number");
    let inserted = db
        .pool
        .run(async |client| api_keys::bench::insert_unheld(client, max).await);
    inserted.await.expect("inserted");
    assert_eq!(create(&db, None).await.1, CreateKeyResult::LimitReached);
    let revoked = db
        .pool
        .run(async |client| api_keys::revoke(client, "0000000001".parse().expect("an id")).await);
    assert!(revoked.await.expect("the query").is_some());
    let (_, again) = create(&db, None).await;
    assert!(matches!(again, CreateKeyResult::Created(_)), "{again:?}");
}
