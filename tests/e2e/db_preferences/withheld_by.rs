//! Which choice kept a notification from being sent.

use serde_json::value::RawValue;
use tidings_db::notifications::{self, NotificationFilter, WithheldBy, insert_batch};
use tidings_db::{TransactionOptions, address_preferences};
use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::{Channel, Notification, Status};
use tidings_domain::preference::{AddressHash, PreferenceSource};
use tidings_tests::TestDatabase;

use super::{choice, migrated, notification, set};

/// Records a notification that nobody wants, and returns what keeps it: `category channel source` of a choice.
async fn withheld_by(db: &TestDatabase, one: &Notification) -> String {
    let recorded = db
        .pool
        .run(async |client| insert_batch(client, &[one]).await);
    let status = recorded.await.expect("recorded")[&one.message_id];
    assert_eq!(status, Status::Suppressed);
    now_withheld_by(db, one).await
}

async fn now_withheld_by(db: &TestDatabase, one: &Notification) -> String {
    let asked = db.pool.run(async |client| {
        let row = notifications::find(client, one.message_id, None).await?;
        notifications::withheld_by(client, &[row.expect("a row")]).await
    });
    match asked.await.expect("the queries").remove(&one.message_id) {
        Some(WithheldBy::Preferences(Some(row))) => {
            assert!(!row.enabled);
            format!("{} {} {}", row.category, row.channel, row.source)
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_suppressed_notification_names_the_choice_that_decided() {
    let db = migrated().await;
    let sql = r#"INSERT INTO categories (name, kind, defaults)
                 VALUES ('news', 'marketing', '{}'), ('rare', 'transactional', '{"in-app": false}')"#;
    let created = db
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?));
    created.await.expect("categories");
    for (category, channel, source) in [
        ("news", "in-app", PreferenceSource::User),
        ("news", "*", PreferenceSource::Unsubscribe),
        ("*marketing", "in-app", PreferenceSource::Unsubscribe),
        ("*", "in-app", PreferenceSource::Provider),
        ("*", "*", PreferenceSource::Admin),
    ] {
        let user = db.user().await;
        set(&db, user, &[choice(category, channel, Some(false))], source).await;
        let one = notification(user, Channel::InApp, Some("news"));
        let expected = format!("{category} {channel} {source}");
        assert_eq!(withheld_by(&db, &one).await, expected);
        // What is chosen later has not decided.
        let later = [
            choice(category, channel, None),
            choice("*", "*", Some(false)),
        ];
        set(&db, user, &later[..1], source).await;
        assert_eq!(now_withheld_by(&db, &one).await, "Some(Preferences(None))");
        set(&db, user, &later[1..], source).await;
        assert_eq!(now_withheld_by(&db, &one).await, "Some(Preferences(None))");
    }
    let one = notification(db.user().await, Channel::InApp, Some("rare"));
    assert_eq!(withheld_by(&db, &one).await, "Some(CategoryDefault)");

    // Who has no account, by the address.
    let number: PhoneNumber = "+4915112345678".parse().expect("a number");
    let chosen = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let (hash, choices) = (
                AddressHash::from(&number),
                [choice("*", "sms", Some(false))],
            );
            let source = PreferenceSource::Provider;
            address_preferences::set(transaction, hash, &choices, source).await
        });
    assert!(chosen.await.expect("chosen"));
    let payload = r#"{"to": "+4915112345678", "text": "hello"}"#;
    let one = Notification {
        user_id: None,
        payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
        ..notification(db.user().await, Channel::Sms, Some("news"))
    };
    assert_eq!(withheld_by(&db, &one).await, "* sms provider");
}

/// One answer for many rows says the same as one for each.
#[tokio::test]
async fn the_rules_of_many_notifications_are_found_together() {
    let db = migrated().await;
    let sql = r#"INSERT INTO categories (name, kind, defaults, throttle)
                 VALUES ('rare', 'transactional', '{"sms": false}', NULL),
                        ('busy', 'transactional', '{}', '{"limit": 1, "windowSecs": 3600, "key": "order"}')"#;
    let created = db
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?));
    created.await.expect("categories");
    let (user, other) = (db.user().await, db.user().await);
    for user in [user, other] {
        let off = [choice("*", "in-app", Some(false))];
        set(&db, user, &off, PreferenceSource::User).await;
    }
    let of_order = |order: &str| Notification {
        payload: RawValue::from_string(format!(r#"{{"text": "hello", "order": "{order}"}}"#))
            .expect("JSON"),
        ..notification(user, Channel::Sms, Some("busy"))
    };
    let all = [
        (notification(user, Channel::InApp, None), "preferences"),
        (notification(other, Channel::InApp, None), "preferences"),
        (notification(user, Channel::Sms, Some("rare")), "defaults"),
        (of_order("7"), "sent"),
        (of_order("7"), "throttle"),
        // Its own value is not used up.
        (of_order("8"), "USER_LIMITS"),
        (notification(user, Channel::Sms, None), "waits USER_LIMITS"),
    ];
    let recorded = db.pool.run(async |client| {
        let notifications: Vec<&Notification> = all.iter().map(|(one, _)| one).collect();
        insert_batch(client, &notifications).await
    });
    assert_eq!(recorded.await.expect("recorded").len(), all.len());
    for (one, rule) in &all {
        let change = match *rule {
            "sent" => "status = 'processed', processed_at = now(), slot_at = now()",
            "throttle" | "USER_LIMITS" => "status = 'suppressed', reason = 'throttled'",
            "waits USER_LIMITS" => "status = 'scheduled', reason = 'throttled', not_before = now()",
            _ => continue,
        };
        let sql = format!(
            "UPDATE notifications SET {change} WHERE message_id = '{}'",
            one.message_id
        );
        let changed = db
            .pool
            .run(async |client| Ok(client.execute(&sql, &[]).await?));
        assert_eq!(changed.await.expect(&sql), 1);
    }
    let asked = db.pool.run(async |client| {
        let filter = NotificationFilter::default();
        let (rows, _) = notifications::list(client, &filter, None, 100).await?;
        notifications::withheld_by(client, &rows).await
    });
    let rules = asked.await.expect("the queries");
    for (one, expected) in &all {
        let found = match rules.get(&one.message_id) {
            None => "sent",
            Some(WithheldBy::Preferences(choice)) => {
                let choice = choice.as_ref().expect("the choice");
                assert_eq!(choice.channel.to_string(), "in-app");
                "preferences"
            }
            Some(WithheldBy::CategoryDefault) => "defaults",
            Some(WithheldBy::Throttle) => "throttle",
            Some(WithheldBy::UserLimits) => "USER_LIMITS",
        };
        assert_eq!(found, expected.trim_start_matches("waits "), "{one:?}");
    }
}
