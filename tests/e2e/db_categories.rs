//! The table `categories`.

use tidings_db::categories::{self, DeleteResult, NewCategory, PutResult};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::category::{CategoryKind, CategoryName, QuietRule, Throttle};
use tidings_domain::digest::{DigestMode, DigestRule};
use tidings_domain::notification::Channel;
use tidings_tests::{ServerUrls, TestDatabase, origin};

#[tokio::test]
async fn the_category_security_is_critical_and_cannot_be_changed_or_deleted() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let categories = async || {
        let sql = "SELECT name || ' ' || kind FROM categories ORDER BY name";
        let rows = client.query(sql, &[]).await.expect("the categories");
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    assert_eq!(categories().await, ["security critical"]);
    for refused in [
        "DELETE FROM categories",
        "UPDATE categories SET kind = 'marketing'",
        "UPDATE categories SET name = 'safety' WHERE name = 'security'",
        "TRUNCATE categories",
        "INSERT INTO categories (name, kind) VALUES ('security', 'marketing') ON CONFLICT (name) DO UPDATE SET kind = excluded.kind",
        "INSERT INTO categories (name, kind) VALUES ('news', 'urgent')",
    ] {
        client.batch_execute(refused).await.expect_err(refused);
    }
    client
        .batch_execute(
            "INSERT INTO categories (name) VALUES ('orders');
             INSERT INTO categories (name, kind) VALUES ('news', 'marketing');
             UPDATE categories SET kind = kind;
             UPDATE categories SET kind = 'critical' WHERE name = 'orders';
             DELETE FROM categories WHERE name = 'news'",
        )
        .await
        .expect("other categories are the operator's");
    assert_eq!(categories().await, ["orders critical", "security critical"]);
}

async fn put(database: &Database, name: &CategoryName, new: &NewCategory) -> PutResult {
    let origin = origin();
    let put = database.transaction(TransactionOptions::default(), async |transaction| {
        categories::put(transaction, name, new, &origin).await
    });
    put.await.expect("the queries")
}

async fn delete(database: &Database, name: &CategoryName) -> DeleteResult {
    let origin = origin();
    let deleted = database.transaction(TransactionOptions::default(), async |transaction| {
        categories::delete(transaction, name, &origin).await
    });
    deleted.await.expect("the queries")
}

#[tokio::test]
async fn a_category_is_created_changed_and_deleted() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let name: CategoryName = "news".parse().expect("a name");
    let new = NewCategory {
        kind: CategoryKind::Marketing,
        label: Some("News".to_owned()),
        description: None,
        defaults: [(Channel::Sms, false), (Channel::InApp, true)].into(),
        throttle: Some(Throttle {
            limit: 3,
            window_secs: 3600,
            key: None,
        }),
        quiet: QuietRule::Ignore,
        listed: true,
        unsubscribe: true,
        digest: Some(DigestRule {
            mode: DigestMode::Window,
            window_secs: Some(600),
            max_items: Some(20),
        }),
    };
    let PutResult::Created(created) = put(&db.pool, &name, &new).await else {
        panic!("not created");
    };
    assert_eq!((&created.name, &created.category), (&name, &new));
    let same = put(&db.pool, &name, &new).await;
    assert_eq!(same, PutResult::Unchanged(created.clone()));
    let other = NewCategory {
        kind: CategoryKind::Transactional,
        ..NewCategory::default()
    };
    let PutResult::Updated(updated) = put(&db.pool, &name, &other).await else {
        panic!("not updated");
    };
    assert_eq!(updated.category, other);
    assert!(updated.updated_at > created.updated_at);
    let listed = db.pool.run(async |client| categories::list(client).await);
    let listed = listed.await.expect("the query");
    let names: Vec<&str> = listed.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["news", "security"]);
    let security = CategoryName::security();
    assert_eq!(put(&db.pool, &security, &new).await, PutResult::BuiltIn);
    assert_eq!(delete(&db.pool, &security).await, DeleteResult::BuiltIn);
    assert_eq!(delete(&db.pool, &name).await, DeleteResult::Deleted);
    assert_eq!(delete(&db.pool, &name).await, DeleteResult::NotFound);
    let found = db
        .pool
        .run(async |client| categories::find(client, &name).await);
    assert_eq!(found.await.expect("the query"), None);
}
