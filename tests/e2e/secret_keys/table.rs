//! What the table holds, and `reseal_secrets`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tidings_db::webhook_endpoints::{self, NewEndpoint, SecretCounts, SecretPage, SigningEndpoint};
use tidings_db::{DbError, LimitedInsert, OpenError, SecretKeys, TransactionOptions};
use tidings_domain::notification::UserId;
use tidings_tests::secret_keys::{keys, new_key};
use tidings_tests::{ServerUrls, TestDatabase, World, eventually, secs};
use uuid::Uuid;

use super::{create, rotate, table_text};

#[tokio::test]
async fn the_table_contains_no_secret_in_a_readable_form() {
    let world = World::new().await;
    let api = world.api().await;
    let (path, first) = create(&api.client(), &world, "https://example.com/hooks").await;
    let second = rotate(&api.client(), &path).await;
    let text = table_text(&world).await;
    assert_eq!(text.matches("aes-256-gcm:tests:").count(), 2, "{text}");
    for secret in [first, second] {
        let encoded = secret.strip_prefix("whsec_").expect("the prefix");
        assert!(
            !text.contains("whsec_") && !text.contains(&encoded[..8]),
            "{text}"
        );
        assert_eq!(api.logs().count(&encoded[..8]), 0);
    }
}

/// Inserts an endpoint whose secret is stored with these keys.
async fn insert(db: &TestDatabase, user: UserId, keys: &SecretKeys, secret: &str) -> Uuid {
    let id = Uuid::now_v7();
    let secret = keys.seal(id, &SecretString::from(secret)).expect("sealed");
    let url = "https://example.com/hooks".parse().expect("a URL");
    let new = NewEndpoint {
        user,
        url: &url,
        description: None,
        secret: &secret,
    };
    let inserted = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            webhook_endpoints::insert(transaction, new).await
        })
        .await;
    assert!(matches!(inserted, Ok(LimitedInsert::Inserted(row)) if row.id == id));
    id
}

async fn replace(db: &TestDatabase, id: Uuid, keys: &SecretKeys, secret: &str, keep: Duration) {
    let secret = keys.seal(id, &SecretString::from(secret)).expect("sealed");
    let rotated = db
        .pool
        .run(async |client| webhook_endpoints::rotate_secret(client, &secret, None, keep).await)
        .await;
    assert!(rotated.expect("the query").is_some());
}

async fn reseal(
    db: &TestDatabase,
    keys: &SecretKeys,
    after: Option<Uuid>,
    limit: u32,
) -> SecretPage {
    let resealed = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            webhook_endpoints::reseal_secrets(transaction, keys, after, limit).await
        })
        .await;
    resealed.expect("the queries").expect("sealed")
}

async fn inspect(db: &TestDatabase, keys: &SecretKeys) -> SecretCounts {
    let page = db
        .pool
        .run(async |client| webhook_endpoints::inspect_secrets(client, keys, None, 100).await);
    page.await.expect("the query").counts
}

async fn endpoint(db: &TestDatabase, user: UserId, id: Uuid, keys: &SecretKeys) -> SigningEndpoint {
    let listed = db
        .pool
        .run(async |client| webhook_endpoints::list_enabled(client, &[user], keys).await);
    let endpoints = listed.await.expect("the query").remove(&user);
    let mut endpoints = endpoints.into_iter().flatten();
    endpoints.find(|one| one.id == id).expect("an endpoint")
}

/// Returns the decrypted secrets of an endpoint.
async fn secrets(db: &TestDatabase, user: UserId, id: Uuid, keys: &SecretKeys) -> Vec<String> {
    let secrets = endpoint(db, user, id, keys).await.secrets;
    let secrets = secrets.expect("decrypted");
    let secrets = secrets.iter().map(ExposeSecret::expose_secret);
    secrets.map(str::to_owned).collect()
}

#[tokio::test]
async fn all_secrets_are_encrypted_under_the_first_key_page_by_page() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let (old, new) = (new_key("old"), new_key("new"));
    let (none, old_keys) = (keys(""), keys(&old));
    let both = keys(&format!("{new},{old}"));
    let lost = insert(&db, user, &keys(&new_key("lost")), "whsec_lost").await;
    let plain = insert(&db, user, &none, "whsec_plain").await;
    let former = insert(&db, user, &old_keys, "whsec_former").await;
    let rotated = insert(&db, user, &none, "whsec_1").await;
    replace(&db, rotated, &old_keys, "whsec_2", secs(3600)).await;
    let expired = insert(&db, user, &old_keys, "whsec_expired").await;
    replace(&db, expired, &both, "whsec_current", Duration::ZERO).await;
    let unknown = "lost".parse().expect("a key id");
    let unopened = || [(OpenError::UnknownKey(unknown), 1)].into();
    let old_id: tidings_db::KeyId = "old".parse().expect("a key id");
    let before = SecretCounts {
        current: 1,
        former: [(old_id, 2)].into(),
        plain: 2,
        unopened: unopened(),
        expired: 1,
    };
    assert_eq!(inspect(&db, &both).await, before);

    let (mut counts, mut endpoints, mut after) = (SecretCounts::default(), 0, None);
    loop {
        let page = reseal(&db, &both, after, 2).await;
        counts.add(page.counts);
        endpoints += page.endpoints;
        after = page.last;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((counts, endpoints), (before, 5));

    // The old key is no longer needed, and the times of the endpoints are as before.
    let new_alone = keys(&new);
    let now = inspect(&db, &new_alone).await;
    let expected = SecretCounts {
        current: 5,
        unopened: now.unopened.clone(),
        ..SecretCounts::default()
    };
    assert_eq!(now, expected);
    assert_eq!(now.unopened.values().sum::<u64>(), 1);
    for (id, expected) in [
        (plain, &["whsec_plain"][..]),
        (former, &["whsec_former"]),
        (rotated, &["whsec_2", "whsec_1"]),
        (expired, &["whsec_current"]),
    ] {
        assert_eq!(secrets(&db, user, id, &new_alone).await, expected);
    }
    assert!(endpoint(&db, user, lost, &new_alone).await.secrets.is_err());
    let row = db
        .pool
        .run(async |client| webhook_endpoints::find(client, plain, None).await)
        .await;
    let row = row.expect("the query").expect("an endpoint");
    assert_eq!(row.updated_at, row.created_at);
}

#[tokio::test]
async fn a_previous_secret_that_cannot_be_decrypted_does_not_sign_and_the_current_one_does() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let (lost, new) = (keys(&new_key("lost")), keys(&new_key("new")));
    let id = insert(&db, user, &lost, "whsec_1").await;
    let unopened = endpoint(&db, user, id, &new).await;
    assert!(unopened.secrets.is_err(), "nothing may be sent");
    replace(&db, id, &new, "whsec_2", secs(3600)).await;
    assert_eq!(secrets(&db, user, id, &new).await, ["whsec_2"]);
    let unopened = endpoint(&db, user, id, &new).await.unopened_previous;
    let said = unopened.expect("an error").to_string();
    assert!(said.contains("the key lost"), "{said}");
}

#[tokio::test]
async fn a_secret_that_was_moved_to_another_row_is_not_used() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let keys = keys(&new_key("1"));
    let annas = insert(&db, anna, &keys, "whsec_anna").await;
    let bens = insert(&db, ben, &keys, "whsec_ben").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let sql = "UPDATE webhook_endpoints SET secret = (SELECT secret FROM webhook_endpoints WHERE id = $1) WHERE id = $2";
    let moved = client.execute(sql, &[&annas, &bens]).await;
    assert_eq!(moved.expect("moved"), 1);
    let refused = endpoint(&db, ben, bens, &keys).await.secrets;
    let refused = refused.expect_err("refused");
    assert_eq!(refused, OpenError::Refused("1".parse().expect("a key id")));
    assert_eq!(secrets(&db, anna, annas, &keys).await, ["whsec_anna"]);
}

/// The rows are locked: otherwise the new secret, which its user has seen, would be overwritten with the old one.
#[tokio::test]
async fn a_secret_that_is_replaced_during_the_encryption_is_kept() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let key = keys(&new_key("1"));
    let id = insert(&db, user, &keys(""), "whsec_1").await;
    let waits = async || -> bool {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let count = db
            .pool
            .run(async |client| Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0)));
        count.await.expect("a count") == 1
    };
    let (resealed, ()) = tokio::join!(
        db.pool
            .transaction(TransactionOptions::default(), async |transaction| {
                let page = webhook_endpoints::reseal_secrets(transaction, &key, None, 10).await?;
                eventually(secs(20), "the other transaction waits", waits).await;
                Ok::<_, DbError>(page)
            }),
        async {
            // Not before the rows are locked.
            let locked = "SELECT FROM webhook_endpoints FOR UPDATE SKIP LOCKED";
            eventually(secs(20), "the rows are locked", async || {
                let rows = db
                    .pool
                    .run(async |client| Ok(client.query(locked, &[]).await?));
                rows.await.expect("the query").is_empty()
            })
            .await;
            replace(&db, id, &key, "whsec_2", secs(3600)).await;
        }
    );
    let counts = resealed.expect("the queries").expect("sealed").counts;
    assert_eq!(counts.plain, 1);
    assert_eq!(secrets(&db, user, id, &key).await, ["whsec_2", "whsec_1"]);
}
