//! The rows of notifications without a user.

use jiff::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;
use tidings_db::notifications::{self, RecordResult, RecordedBy};
use tidings_domain::notification::{Channel, Notification, Status};
use tidings_tests::{World, secs};
use uuid::Uuid;

/// The batch has an unknown user too, so it is recorded in parts.
#[tokio::test]
async fn an_unknown_user_does_not_affect_recipients_without_one() {
    let world = World::new().await;
    let database = &world.database.pool;
    let payload = json!({"text": "Hi", "to": "+4915198765432"}).to_string();
    let of = |user_id| Notification {
        user_id,
        channel: Channel::Sms,
        payload: RawValue::from_string(payload.clone()).expect("JSON"),
        ..world.wire()
    };
    let nobody = Uuid::now_v7().into();
    let [guest, orphan, known] = [None, Some(nobody), Some(world.user)].map(of);
    let results = notifications::record(database, vec![&guest, &orphan, &known], RecordedBy::Api);
    let results = results.await.expect("recorded");
    assert!(
        matches!(results[&orphan.message_id], RecordResult::UnknownUser(user) if user == nobody)
    );
    for one in [&guest, &known] {
        // The API records what a scheduler publishes once the broker is back.
        let RecordResult::Recorded(state) = &results[&one.message_id] else {
            panic!("{:?}", results[&one.message_id]);
        };
        assert_eq!(state.status, Status::Scheduled);
        let row =
            database.run(async |client| notifications::find(client, one.message_id, None).await);
        let row = row.await.expect("the query").expect("the row");
        assert_eq!(row.user_id, one.user_id);
    }
    let due = database.transaction(
        tidings_db::TransactionOptions::default(),
        async |transaction| notifications::lease_due(transaction, Channel::Sms, 10, secs(60)).await,
    );
    let due = due.await.expect("leased").to_publish;
    let mut users: Vec<_> = due.iter().map(|due| due.user_id).collect();
    users.sort_unstable_by_key(Option::is_some);
    assert_eq!(users, [None, Some(world.user)]);
}

#[tokio::test]
async fn the_table_refuses_an_in_app_notification_without_a_user() {
    let world = World::new().await;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let sql = "INSERT INTO notifications (id, type, payload, status, message_id, created_at)
               VALUES (gen_random_uuid(), $1, '{}', 'pending', gen_random_uuid(), $2)";
    for channel in Channel::ALL {
        let inserted = client
            .execute(sql, &[&channel.as_str(), &Timestamp::now()])
            .await;
        if channel == Channel::InApp {
            let error = inserted.expect_err("no user");
            let constraint = error
                .as_db_error()
                .and_then(tokio_postgres::error::DbError::constraint);
            assert_eq!(constraint, Some("notifications_in_app_user_check"));
        } else {
            assert_eq!(inserted.expect("inserted"), 1);
        }
    }
    let changed = client
        .execute("UPDATE notifications SET type = 'in-app'", &[])
        .await;
    assert!(changed.is_err());
    let valid = client
        .query_one(
            "SELECT convalidated FROM pg_constraint WHERE conname = 'notifications_in_app_user_check'",
            &[],
        )
        .await;
    assert!(valid.expect("the constraint").get::<_, bool>(0));
}
