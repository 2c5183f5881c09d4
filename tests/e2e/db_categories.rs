//! The table `categories`.

use tidings_tests::{ServerUrls, TestDatabase};

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
