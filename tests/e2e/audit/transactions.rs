//! An action and its entry share a transaction.

use reqwest::Method;
use serde_json::json;
use tidings_tests::World;

use super::{entries, execute, rows};

/// A trigger that fails as the last thing in a transaction with a new row of the table.
const FAIL_AT_COMMIT: &str =
    "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON templates DEFERRABLE INITIALLY DEFERRED
                              FOR EACH ROW EXECUTE FUNCTION fail()";

const FAIL_ENTRIES: &str =
    "CREATE TRIGGER fail BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION fail()";

/// Fails like a statement that is cancelled.
const FUNCTION: &str = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN RAISE EXCEPTION 'told to' USING ERRCODE = '57014'; END $$";

#[tokio::test]
async fn a_rolled_back_action_leaves_no_entry_and_without_an_entry_there_is_no_action() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let path = "/api/templates/welcome/sms/de";
    let put = async || {
        let request = client.request(Method::PUT, path);
        client.send(request.json(&json!({"text": "Hallo"}))).await
    };
    let change = async |sql| {
        let done = execute(&world.database.pool, sql).await;
        done.expect("executed");
    };
    change(FUNCTION).await;
    change(FAIL_AT_COMMIT).await;
    put().await.assert_error(503, "database_unavailable");
    assert_eq!(rows(&world.database).await, []);

    change("DROP TRIGGER fail ON templates").await;
    change(FAIL_ENTRIES).await;
    put().await.assert_error(503, "database_unavailable");
    client.get(path).await.assert_error(404, "not_found");

    change("DROP TRIGGER fail ON audit_log").await;
    assert_eq!(put().await.status, 201);
    let entries = entries(&client).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["details"], json!({"version": 1}));
}
