//! The tables `preferences` and `address_preferences`, and what critical categories are exempt from.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
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
use tidings_domain::preference::{AddressHash, Choices, NewChoice, PreferenceSource};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase, eventually, origin, secs};

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
        .run(async |client| preferences::list(client, user).await);
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
    }
}

async fn claim(db: &TestDatabase, id: MessageId) -> notifications::ClaimedNotification {
    let request = ClaimRequest {
        id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
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
            user_deletions::request(transaction, &origin, user, secs(3600), None).await
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
    let set = set(&db, user, &off, PreferenceSource::User).await;
    assert_eq!(set, SetResult::UnknownUser);
}

/// The SQL of a batch decides like the function that has the written table, for users and for addresses.
#[tokio::test]
async fn a_batch_is_decided_like_each_of_its_notifications() {
    let db = migrated().await;
    let kinds = CategoryKind::ALL.map(CategoryKind::as_str);
    let defaults = [
        ("none", "{}"),
        ("on", r#"{"in-app": true, "sms": true}"#),
        ("off", r#"{"in-app": false, "sms": false}"#),
    ];
    let mut sql = String::new();
    for kind in kinds {
        for (name, json) in defaults {
            let _ = write!(
                sql,
                "INSERT INTO categories (name, kind, defaults) VALUES ('{kind}.{name}', '{kind}', '{json}');"
            );
        }
    }
    // One user, and one address, for each combination of the four choices.
    let values = [None, Some(true), Some(false)];
    let mut combinations = Vec::new();
    for exact in values {
        for category in values {
            for channel in values {
                for all in values {
                    combinations.push(Choices {
                        exact,
                        category,
                        channel,
                        all,
                    });
                }
            }
        }
    }
    let users: Vec<UserId> = combinations
        .iter()
        .map(|_| uuid::Uuid::now_v7().into())
        .collect();
    let addresses: Vec<String> = (0..combinations.len())
        .map(|n| format!("+491511234{n:04}"))
        .collect();
    for (n, choices) in combinations.iter().enumerate() {
        let user = users[n];
        let _ = write!(
            sql,
            "INSERT INTO users (id, username) VALUES ('{user}', 'user-{user}');"
        );
        for (category, channel, enabled) in [
            ("category", "channel", choices.exact),
            ("category", "*", choices.category),
            ("*", "channel", choices.channel),
            ("*", "*", choices.all),
        ] {
            let Some(enabled) = enabled else { continue };
            // The choices about the category are about all categories here, one row each.
            let category = match category {
                "*" => "SELECT '*' AS name",
                _ => "SELECT name FROM categories WHERE name <> 'security'",
            };
            let channels = match channel {
                "*" => "VALUES ('*')",
                _ => "VALUES ('in-app'), ('sms')",
            };
            let from = format!("FROM ({category}) AS category, ({channels}) AS channel (channel)");
            let _ = write!(sql, "INSERT INTO preferences (user_id, category, channel, enabled, source)
                                 SELECT '{user}', name, channel, {enabled}, 'user' {from};
                                 INSERT INTO address_preferences (address_hash, category, channel, enabled, source)
                                 SELECT sha256('{}'), name, channel, {enabled}, 'unsubscribe' {from};", addresses[n]);
        }
    }
    db.pool
        .run(async |client| Ok(client.batch_execute(&sql).await?))
        .await
        .expect("the choices");

    let mut cases = Vec::new();
    for (n, choices) in combinations.iter().enumerate() {
        for kind in CategoryKind::ALL {
            for (name, default) in [("none", None), ("on", Some(true)), ("off", Some(false))] {
                let category = format!("{kind}.{name}");
                let expected = choices.effective(kind, default).enabled;
                cases.push((n, Some(category), expected));
            }
        }
        let uncategorized = Choices {
            exact: None,
            category: None,
            ..*choices
        };
        cases.push((
            n,
            None,
            uncategorized
                .effective(CategoryKind::Transactional, None)
                .enabled,
        ));
    }
    let in_app: Vec<Notification> = cases
        .iter()
        .map(|(n, category, _)| notification(users[*n], Channel::InApp, category.as_deref()))
        .collect();
    let addressed: Vec<Notification> = cases
        .iter()
        .map(|(n, category, _)| Notification {
            user_id: None,
            payload: RawValue::from_string(format!(
                r#"{{"text": "hello", "to": "{}"}}"#,
                addresses[*n]
            ))
            .expect("JSON"),
            ..notification(users[*n], Channel::Sms, category.as_deref())
        })
        .collect();
    // What waits for its attempt: recorded without the choices.
    let claimed = async |of_users: bool| {
        let batch: Vec<Notification> = cases
            .iter()
            .zip(&addressed)
            .map(|((n, category, _), addressed)| match of_users {
                true => notification(users[*n], Channel::Sms, category.as_deref()),
                false => Notification {
                    message_id: MessageId::generate(),
                    ..addressed.clone()
                },
            })
            .collect();
        let requests: Vec<ClaimRequest> = batch
            .iter()
            .map(|one| ClaimRequest {
                id: one.message_id,
                attempt: 0,
                token: LeaseToken::generate(),
            })
            .collect();
        db.pool
            .transaction(TransactionOptions::default(), async |transaction| {
                insert_batch(transaction, &batch.iter().collect::<Vec<_>>()).await?;
                let pending = "UPDATE notifications SET status = 'pending' WHERE status = 'suppressed' AND type = 'sms'";
                transaction.execute(pending, &[]).await?;
                let claimed = notifications::claim(transaction, DeliveredChannel::Sms, &requests, secs(60)).await?;
                let unwanted = claimed.into_iter().map(|one| match one {
                    ClaimResult::Claimed(claimed) => claimed.is_unwanted,
                    other => panic!("{other:?}"),
                });
                Ok(unwanted.collect::<Vec<bool>>())
            })
            .await
            .expect("the claims")
    };
    let (of_users, of_addresses) = (claimed(true).await, claimed(false).await);
    let recorded = db
        .pool
        .run(async |client| {
            let all: Vec<&Notification> = in_app.iter().chain(&addressed).collect();
            insert_batch(client, &all).await
        })
        .await
        .expect("recorded");
    for (index, (n, category, expected)) in cases.iter().enumerate() {
        let case = format!("{:?} {category:?}", combinations[*n]);
        let is_sent = |one: &Notification| recorded[&one.message_id] != Status::Suppressed;
        assert_eq!(is_sent(&in_app[index]), *expected, "intake, user: {case}");
        assert_eq!(
            is_sent(&addressed[index]),
            *expected,
            "intake, address: {case}"
        );
        assert_eq!(!of_users[index], *expected, "claim, user: {case}");
        assert_eq!(!of_addresses[index], *expected, "claim, address: {case}");
    }
}

/// Claims that have not seen the choice are waited for, and no others.
#[tokio::test]
async fn a_choice_waits_for_claims_that_have_not_seen_it() {
    let db = migrated().await;
    let user = db.user().await;
    let one = notification(user, Channel::Sms, None);
    let recorded = db
        .pool
        .run(async |client| insert_batch(client, &[&one]).await);
    recorded.await.expect("recorded");
    let mut client = db.pool.dedicated_client().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let request = ClaimRequest {
        id: one.message_id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let claims =
        notifications::claim(&transaction, DeliveredChannel::Sms, &[request], secs(60)).await;
    let ClaimResult::Claimed(claimed) = claims.expect("the query").remove(0) else {
        panic!("not claimed");
    };
    assert!(!claimed.is_unwanted);
    let off = [choice("*", "sms", Some(false))];
    set(&db, user, &off, PreferenceSource::User).await;
    let wait = async |channel| {
        let waited = notifications::wait_for_claims(&db.pool, &[channel], Duration::ZERO).await;
        waited.expect("the queries")
    };
    assert!(
        !wait(DeliveredChannel::Sms).await,
        "the claim may still commit"
    );
    assert!(wait(DeliveredChannel::Email).await, "another channel");
    transaction.commit().await.expect("committed");
    assert!(wait(DeliveredChannel::Sms).await);
}

/// Workers claim 1000 notifications while the user says no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_choice_has_returned_no_claim_starts() {
    let db = migrated().await;
    let user = db.user().await;
    let batch: Vec<Notification> = (0..1000)
        .map(|_| notification(user, Channel::Sms, Some("news")))
        .collect();
    let all: Vec<&Notification> = batch.iter().collect();
    let recorded = db.pool.run(async |client| insert_batch(client, &all).await);
    assert_eq!(recorded.await.expect("recorded").len(), 1000);
    let has_returned = AtomicBool::new(false);
    let claimed = AtomicUsize::new(0);
    let worker = async |part: &[Notification]| {
        for few in part.chunks(5) {
            let requests: Vec<ClaimRequest> = few
                .iter()
                .map(|one| ClaimRequest {
                    id: one.message_id,
                    attempt: 0,
                    token: LeaseToken::generate(),
                })
                .collect();
            let claims = db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    let claims = notifications::claim(
                        transaction,
                        DeliveredChannel::Sms,
                        &requests,
                        secs(60),
                    )
                    .await?;
                    let wanted = claims
                        .iter()
                        .filter(|one| matches!(one, ClaimResult::Claimed(one) if !one.is_unwanted));
                    let wanted = wanted.count();
                    // Before the commit.
                    assert!(
                        wanted == 0 || !has_returned.load(Ordering::SeqCst),
                        "a claim has not seen the choice"
                    );
                    Ok(claims.len())
                });
            claimed.fetch_add(claims.await.expect("the claims"), Ordering::SeqCst);
        }
    };
    let chooser = async {
        eventually(secs(60), "some are claimed", async || {
            claimed.load(Ordering::SeqCst) >= 200
        })
        .await;
        let off = [choice("news", "*", Some(false))];
        assert_eq!(
            set(&db, user, &off, PreferenceSource::User).await,
            SetResult::Changed
        );
        let seen = notifications::wait_for_claims(&db.pool, &DeliveredChannel::ALL, secs(60)).await;
        assert!(seen.expect("the queries"));
        has_returned.store(true, Ordering::SeqCst);
    };
    let workers = join_all(batch.chunks(125).map(worker));
    tokio::join!(workers, chooser);
    assert_eq!(claimed.load(Ordering::SeqCst), 1000);
}

/// What waits for the limit of the user is decided again. What the sender scheduled keeps its time.
#[tokio::test]
async fn a_choice_wakes_what_waits_for_the_user() {
    let db = migrated().await;
    let user = db.user().await;
    let held = async |reason: &str| {
        let one = notification(user, Channel::Sms, None);
        let sql = format!(
            "UPDATE notifications SET status = 'scheduled', reason = '{reason}', not_before = now() + interval '1 hour'
             WHERE message_id = '{}'",
            one.message_id
        );
        let held = db.pool.run(async |client| {
            insert_batch(client, &[&one]).await?;
            Ok(client.execute(&sql, &[]).await?)
        });
        assert_eq!(held.await.expect("held"), 1);
    };
    for reason in ["throttled", "quiet_hours", "schedule"] {
        held(reason).await;
    }
    let due = async || {
        db.count("not_before <= now() AND reason <> 'schedule'")
            .await
    };
    let off = [choice("*", "email", Some(false))];
    for expected in [2, 2] {
        set(&db, user, &off, PreferenceSource::User).await;
        assert_eq!(due().await, expected);
    }
    assert_eq!(
        db.count("not_before > now() AND reason = 'schedule'").await,
        1
    );
}
