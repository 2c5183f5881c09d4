//! The tables `preferences` and `address_preferences`, and what critical categories are exempt from.

mod batches;
mod claims;
mod timezones;
mod withheld_by;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, LeaseToken, insert_batch};
use tidings_db::preferences::{self, SetResult};
use tidings_db::{TransactionOptions, address_preferences, user_deletions};
use tidings_domain::category::CategoryKind;
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::{
    Channel, DeliveredChannel, MessageId, Notification, Status, UserId,
};
use tidings_domain::preference::{AddressHash, NewChoice, PreferenceSource, Recipient};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase, origin, secs};

async fn migrated() -> TestDatabase {
    TestDatabase::migrated(&ServerUrls::shared()).await
}

fn choice(category: &str, channel: &str, enabled: Option<bool>) -> NewChoice {
    NewChoice {
        category: category.parse().expect(category),
        channel: channel.parse().expect(channel),
        enabled,
    }
}

async fn set(
    db: &TestDatabase,
    user: UserId,
    choices: &[NewChoice],
    source: PreferenceSource,
) -> SetResult {
    let set = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            preferences::set(transaction, user, choices, source).await
        });
    set.await.expect("the queries")
}

async fn listed(db: &TestDatabase, user: UserId) -> Vec<String> {
    let listed = db
        .pool
        .run(async |client| preferences::list(client, Recipient::User(user)).await);
    let rows = listed.await.expect("the query");
    let text = |row: &preferences::PreferenceRow| {
        format!(
            "{} {} {} {}",
            row.category, row.channel, row.enabled, row.source
        )
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn only_what_a_user_has_chosen_is_stored() {
    let db = migrated().await;
    let (user, other) = (db.user().await, db.user().await);
    let first = [
        choice("news", "email", Some(true)),
        choice("*", "sms", Some(false)),
        choice("news", "*", Some(false)),
        choice("news", "email", Some(false)),
    ];
    let by_user = PreferenceSource::User;
    assert_eq!(set(&db, user, &first, by_user).await, SetResult::Changed);
    let all = [
        "* sms false user",
        "news * false user",
        "news email false user",
    ];
    assert_eq!(listed(&db, user).await, all);
    // The first source stays if nothing changes.
    let again = set(&db, user, &first[1..], PreferenceSource::Provider).await;
    assert_eq!(
        (again, listed(&db, user).await),
        (SetResult::Unchanged, all.map(str::to_owned).to_vec())
    );
    let second = [
        choice("*", "sms", Some(true)),
        choice("news", "*", None),
        choice("orders", "push", None),
    ];
    let changed = set(&db, user, &second, PreferenceSource::Admin).await;
    assert_eq!(changed, SetResult::Changed);
    assert_eq!(
        listed(&db, user).await,
        ["* sms true admin", "news email false user"]
    );
    assert!(listed(&db, other).await.is_empty());
    let nobody = UserId::from(uuid::Uuid::nil());
    assert_eq!(
        set(&db, nobody, &first, by_user).await,
        SetResult::UnknownUser
    );
}

#[tokio::test]
async fn the_choices_of_an_address_are_those_of_all_its_spellings() {
    let db = migrated().await;
    let set = async |address: &str, choices: &[NewChoice]| {
        let address: EmailAddress = address.parse().expect(address);
        let hash = AddressHash::from(&address);
        let set = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                let source = PreferenceSource::Unsubscribe;
                address_preferences::set(transaction, hash, choices, source).await
            });
        set.await.expect("the queries")
    };
    let count = async || {
        let sql = "SELECT count(*) FROM address_preferences";
        let rows = db
            .pool
            .run(async |client| Ok(client.query_one(sql, &[]).await?));
        rows.await.expect("the query").get::<_, i64>(0)
    };
    let off = [choice("news", "email", Some(false))];
    assert!(set("anna@example.com", &off).await);
    assert!(!set("Anna@EXAMPLE.com", &off).await);
    assert!(set("berta@example.com", &off).await);
    assert_eq!(count().await, 2);
    assert!(set("ANNA@example.com", &[choice("news", "email", None)]).await);
    assert_eq!(count().await, 1);
}

fn notification(user: UserId, channel: Channel, category: Option<&str>) -> Notification {
    Notification {
        message_id: MessageId::generate(),
        user_id: Some(user),
        channel,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string(r#"{"text": "hello"}"#.to_owned()).expect("JSON"),
        template: None,
        sender: None,
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: category.map(|name| name.parse().expect(name)),
        digest_key: None,
        trace: None,
    }
}

/// A new claim of a notification.
fn claim_of(id: MessageId) -> ClaimRequest {
    ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    }
}

async fn claim(db: &TestDatabase, id: MessageId) -> notifications::ClaimedNotification {
    let request = claim_of(id);
    let claimed = db.pool.run(async |client| {
        notifications::claim(client, DeliveredChannel::Sms, &[request], secs(30)).await
    });
    match claimed.await.expect("the query").remove(0) {
        ClaimResult::Claimed(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// While a deletion waits, only critical notifications go out.
#[tokio::test]
async fn a_critical_category_passes_a_deletion_that_waits_and_a_claim_knows_the_category() {
    let db = migrated().await;
    let user = db.user().await;
    let sql =
        "INSERT INTO categories (name, kind) VALUES ('news', 'marketing'), ('alarm', 'critical')";
    db.pool
        .run(async |client| Ok(client.execute(sql, &[]).await?))
        .await
        .expect("categories");
    let record = async |channel, category| {
        let one = notification(user, channel, category);
        let recorded = db
            .pool
            .run(async |client| insert_batch(client, &[&one]).await);
        let recorded = recorded.await.expect("recorded");
        (one.message_id, recorded[&one.message_id])
    };
    let categories = [
        None,
        Some(("news", CategoryKind::Marketing)),
        Some(("gone", CategoryKind::Transactional)),
        Some(("alarm", CategoryKind::Critical)),
        Some(("security", CategoryKind::Critical)),
    ];
    let mut before = Vec::new();
    for category in categories {
        let name = category.map(|(name, _)| name);
        before.push(record(Channel::Sms, name).await);
    }
    let origin = origin();
    db.pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let settings = user_deletions::DeletionSettings::default();
            user_deletions::request(transaction, &origin, user, &settings, None).await
        })
        .await
        .expect("the deletion waits");
    for (category, (id, status)) in categories.into_iter().zip(before) {
        assert_eq!(status, Status::Pending, "{category:?}");
        let claimed = claim(&db, id).await;
        let known = claimed.category.as_ref();
        let known = known.map(|category| (category.name.as_str(), category.kind));
        assert_eq!(known, category);
        let is_critical = category.is_some_and(|(_, kind)| kind == CategoryKind::Critical);
        assert_eq!(claimed.user_is_gone, !is_critical, "{category:?}");
        let name = category.map(|(name, _)| name);
        for channel in [Channel::Sms, Channel::InApp] {
            let sent = match channel {
                Channel::InApp => Status::Processed,
                _ => Status::Pending,
            };
            let expected = if is_critical {
                sent
            } else {
                Status::Suppressed
            };
            let (id, status) = record(channel, name).await;
            assert_eq!(status, expected, "{category:?}");
            let row = db
                .pool
                .run(async |client| notifications::find(client, id, None).await);
            let row = row.await.expect("the query").expect("the row");
            assert_eq!(row.category.as_deref(), name);
        }
    }
    // The erasure is final for all.
    let sql = "UPDATE users SET erased_at = now() WHERE id = $1";
    db.pool
        .run(async |client| Ok(client.execute(sql, &[&user.as_uuid()]).await?))
        .await
        .expect("erased");
    let (_, status) = record(Channel::Sms, Some("security")).await;
    assert_eq!(status, Status::Suppressed);
    let off = [choice("news", "sms", Some(false))];
    let refused = set(&db, user, &off, PreferenceSource::User).await;
    assert_eq!(refused, SetResult::UnknownUser);
}
