//! The queries of `tidings_db::notifications` that record and read.

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use tidings_db::notifications::{
    FingerprintRequest, IdCursor, NotificationFilter, exists, find, find_fingerprints,
    find_rendering, insert_batch, list, recorded_states,
};
use tidings_db::{Client, DbError, DbErrorKind, DedicatedClient};
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{
    Channel, DeliveredChannel, Fingerprint, MessageId, Notification, Status, UserId,
};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// A database with one user, and a connection to it.
async fn database() -> (TestDatabase, UserId, DedicatedClient) {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    (db, user, client)
}

fn notification(user: UserId, channel: Channel, payload: &str) -> Notification {
    Notification {
        message_id: MessageId::generate(),
        user_id: Some(user),
        channel,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
        template: None,
        sender: None,
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: None,
        digest_key: None,
        trace: None,
    }
}

async fn record_one(client: &Client, one: &Notification) -> Result<bool, DbError> {
    let recorded = insert_batch(client, &[one]).await?;
    Ok(recorded.contains_key(&one.message_id))
}

/// The query itself finds nothing: a filter on the found row would take longer for a row of another user than for a
/// missing one.
#[tokio::test]
async fn a_query_for_an_owner_finds_no_notification_of_another_user() {
    let (db, user, client) = database().await;
    let other = db.user().await;
    let one = notification(user, Channel::InApp, "{}");
    assert!(record_one(&client, &one).await.expect("recorded"));
    for (owner, found) in [(None, true), (Some(user), true), (Some(other), false)] {
        let row = find(&*client, one.message_id, owner).await;
        assert_eq!(row.expect("the query").is_some(), found, "{owner:?}");
        let exists = exists(&*client, one.message_id, owner).await;
        assert_eq!(exists.expect("the query"), found, "{owner:?}");
    }
}

#[tokio::test]
async fn the_template_of_a_notification_is_recorded() {
    let (_db, user, client) = database().await;
    let template = |name: &str, locale: Option<&str>| TemplateRef {
        name: name.to_owned(),
        locale: locale.map(ToOwned::to_owned),
    };
    let templates = [
        None,
        Some(template("welcome", None)),
        Some(template("order-shipped", Some("de-AT"))),
    ];
    let batch = templates.map(|template| Notification {
        template,
        ..notification(user, Channel::Email, "{}")
    });
    let references: Vec<_> = batch.iter().collect();
    insert_batch(&*client, &references).await.expect("recorded");
    for one in batch {
        let row = find(&*client, one.message_id, None)
            .await
            .expect("the query");
        assert_eq!(row.expect("the row").template, one.template);
    }
}

#[tokio::test]
async fn a_message_is_rendered_from_the_template_of_its_attempt_or_from_the_next_one() {
    let (_db, user, client) = database().await;
    let named = |name: &str| TemplateRef {
        name: name.to_owned(),
        locale: None,
    };
    let with = |template: Option<TemplateRef>| Notification {
        template,
        ..notification(user, Channel::Sms, r#"{"text": "t"}"#)
    };
    let batch = [
        with(Some(named("hi"))),
        with(Some(named("hi"))),
        with(Some(named("none"))),
        with(None),
        with(Some(named("digest/news"))),
    ];
    let references: Vec<_> = batch.iter().collect();
    insert_batch(&*client, &references).await.expect("recorded");
    let [sent, waiting, missing, plain, digest] = batch.map(|one| one.message_id);
    let sql = format!(
        "INSERT INTO templates (id, name, channel, locale, version, text, deleted_at)
         VALUES (gen_random_uuid(), 'hi', 'sms', 'default', 1, 'one', now()),
                (gen_random_uuid(), 'hi', 'sms', 'default', 2, 'two', NULL);
         INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome, template_name, template_locale,
                                        template_version)
         VALUES ('{sent}', 0, 'twilio', now(), 'failed', 'hi', 'default', 2),
                ('{sent}', 1, 'twilio', now(), 'failed', 'hi', 'default', 1),
                ('{sent}', 2, 'twilio', now(), 'failed', NULL, NULL, NULL);
         UPDATE notifications SET category = 'news', digest_id = gen_random_uuid() WHERE message_id = '{digest}'"
    );
    client.batch_execute(&sql).await.expect("templates");
    let built_in = tidings_templates::digest_template(DeliveredChannel::Sms).expect("a template");
    for (id, attempt, expected) in [
        (sent, None, (Some(1), Some("one"))),
        (sent, Some(0), (Some(0), Some("two"))),
        (sent, Some(2), (None, Some("two"))),
        (waiting, None, (None, Some("two"))),
        (missing, None, (None, None)),
        (plain, None, (None, None)),
        (digest, None, (None, Some(built_in.text))),
    ] {
        let found = find_rendering(&*client, id, Some(user), attempt).await;
        let found = found.expect("the query").expect("the row");
        let text = found
            .template
            .as_ref()
            .map(|template| template.text.as_str());
        assert_eq!((found.attempt, text), expected, "{id} {attempt:?}");
    }
    let other = find_rendering(&*client, plain, Some(UserId::from(Uuid::now_v7())), None).await;
    assert!(other.expect("the query").is_none());
}

/// The id is enough to find a row; a caller must not learn whether that of another sender exists.
#[tokio::test]
async fn a_fingerprint_is_recorded_and_found_by_its_sender_only() {
    let (_db, user, client) = database().await;
    let fingerprint = Fingerprint::from_bytes(&[1; 17]);
    let one = |sender: Option<&str>, fingerprint| Notification {
        sender: sender.map(str::to_owned),
        fingerprint,
        ..notification(user, Channel::Email, "{}")
    };
    let keyed = one(Some("orders"), fingerprint);
    let plain = one(Some("orders"), None);
    let of_older_version = one(None, None);
    let batch = [&keyed, &plain, &of_older_version];
    insert_batch(&*client, &batch).await.expect("recorded");
    let ids = batch.map(|one| one.message_id);
    let states = recorded_states(&*client, &ids).await.expect("states");
    for one in batch {
        let state = states[&one.message_id].expect("known to this version");
        assert_eq!(state.fingerprint, one.fingerprint);
    }
    let nobody = MessageId::generate();
    for (sender, found) in [
        (
            "orders",
            vec![(ids[0], fingerprint), (ids[1], None), (ids[2], None)],
        ),
        ("somebody else", vec![(ids[2], None)]),
    ] {
        let requests = [ids[0], ids[1], ids[2], nobody].map(|id| FingerprintRequest { id, sender });
        let rows = find_fingerprints(&*client, &requests).await.expect("rows");
        assert_eq!(rows, found.into_iter().collect(), "{sender}");
    }
}

#[tokio::test]
async fn in_app_notifications_are_processed_when_recorded_and_others_are_pending() {
    let (_db, user, client) = database().await;
    let all = Channel::ALL.map(|channel| notification(user, channel, r#"{"a": [1, null]}"#));
    let batch: Vec<_> = all.iter().collect();
    let recorded = insert_batch(&*client, &batch).await.expect("recorded");
    let ids: Vec<_> = all.iter().map(|n| n.message_id).collect();
    let standings = recorded_states(&*client, &ids).await.expect("standings");
    for one in &all {
        let row = find(&*client, one.message_id, None)
            .await
            .expect("the query");
        let row = row.expect("recorded");
        let expected = match one.channel {
            Channel::InApp => Status::Processed,
            _ => Status::Pending,
        };
        let standing = standings[&one.message_id];
        let standing = standing.expect("known to this version");
        assert_eq!((standing.status, standing.channel), (expected, one.channel));
        assert_eq!(recorded[&one.message_id], expected);
        assert_eq!(row.status, expected.as_str());
        assert_eq!(row.processed_at.is_some(), one.channel == Channel::InApp);
        assert_eq!(
            (row.user_id, row.r#type.as_str()),
            (Some(user), one.channel.as_str())
        );
        assert_eq!((row.retries_attempted, row.error_message), (0, None));
        assert_eq!(row.payload, r#"{"a": [1, null]}"#);
        let micros = |time: Timestamp| time.as_microsecond();
        assert_eq!(micros(row.created_at), micros(one.accepted_at));
    }
}

#[tokio::test]
async fn a_message_id_is_recorded_once_within_a_batch_and_across_batches() {
    let (db, user, client) = database().await;
    let one = notification(user, Channel::InApp, r#"{"first": true}"#);
    let again = Notification {
        payload: RawValue::from_string(r#"{"first": false}"#.to_owned()).expect("JSON"),
        ..one.clone()
    };
    let recorded = insert_batch(&*client, &[&one, &one, &one])
        .await
        .expect("recorded");
    assert_eq!(recorded, [(one.message_id, Status::Processed)].into());
    let new = notification(user, Channel::Sms, "{}");
    let recorded = insert_batch(&*client, &[&again, &new])
        .await
        .expect("recorded");
    assert_eq!(recorded, [(new.message_id, Status::Pending)].into());
    assert_eq!(db.count("true").await, 2);
    let row = find(&*client, one.message_id, None)
        .await
        .expect("the query");
    assert_eq!(row.expect("recorded").payload, r#"{"first": true}"#);
}

#[tokio::test]
async fn overlapping_batches_do_not_deadlock() {
    let (db, user, _client) = database().await;
    let all: Vec<_> = (0..300)
        .map(|_| notification(user, Channel::InApp, "{}"))
        .collect();
    let mut batches = Vec::new();
    for shift in 0..6 {
        let (pool, mut batch) = (db.pool.clone(), all.clone());
        batch.rotate_left(shift * 50);
        if shift % 2 == 1 {
            batch.reverse();
        }
        batches.push(tokio::spawn(async move {
            let client = pool.dedicated_client().await?;
            let batch: Vec<_> = batch.iter().collect();
            insert_batch(&*client, &batch).await.map(|new| new.len())
        }));
    }
    let mut new = 0;
    for batch in batches {
        new += batch.await.expect("no panic").expect("no deadlock");
    }
    assert_eq!((new, db.count("true").await), (300, 300));
}

#[tokio::test]
async fn text_that_jsonb_cannot_store_is_rejected() {
    let (_db, user, client) = database().await;
    for payload in [
        r#"{"a": "\u0000"}"#,
        r#"{"a": "\ud800"}"#,
        r#"{"n": 1e999999}"#,
    ] {
        let bad = notification(user, Channel::InApp, payload);
        let error = record_one(&client, &bad).await.expect_err(payload);
        assert_eq!(error.kind(), DbErrorKind::InvalidData, "{payload}: {error}");
        assert!(!error.to_string().contains(payload), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_user_is_a_missing_reference_and_rolls_back_the_batch() {
    let (db, user, client) = database().await;
    let good = notification(user, Channel::InApp, "{}");
    let orphan = notification(Uuid::now_v7().into(), Channel::InApp, "{}");
    let error = insert_batch(&*client, &[&good, &orphan]).await;
    let error = error.expect_err("no such user");
    assert_eq!(error.kind(), DbErrorKind::MissingReference, "{error}");
    assert_eq!(db.count("true").await, 0);
}

#[tokio::test]
async fn a_lost_connection_is_not_an_error_of_the_data() {
    let (_db, user, client) = database().await;
    let terminate = "SELECT pg_terminate_backend(pg_backend_pid())";
    let killed = client.query_one(terminate, &[]).await;
    assert!(killed.is_err());
    let one = notification(user, Channel::InApp, "{}");
    let error = record_one(&client, &one).await.expect_err("no connection");
    assert_eq!(error.kind(), DbErrorKind::Environment, "{error}");
}

#[tokio::test]
async fn an_unknown_message_id_is_not_found() {
    let (_db, _user, client) = database().await;
    let nobody = MessageId::generate();
    assert_eq!(find(&*client, nobody, None).await.expect("the query"), None);
    let standings = recorded_states(&*client, &[nobody])
        .await
        .expect("the query");
    assert!(standings.is_empty());
}

type Wanted<'a> = Box<dyn Fn(&&Notification) -> bool + 'a>;

/// Reads all pages of two and returns the message ids in their order.
async fn pages(client: &Client, filter: &NotificationFilter) -> Vec<MessageId> {
    let (mut ids, mut after) = (Vec::new(), None::<IdCursor>);
    loop {
        let page = list(client, filter, after, 2).await;
        let (rows, next) = page.expect("a page");
        assert!(rows.len() <= 2);
        ids.extend(rows.iter().map(|row| row.message_id));
        let Some(next) = next else { return ids };
        // As clients do: the cursor goes through its text form.
        after = Some(next.to_string().parse().expect("its own text"));
    }
}

#[tokio::test]
async fn lists_are_newest_first_without_gaps_under_every_filter() {
    let (db, user, client) = database().await;
    let other = db.user().await;
    let start = Timestamp::now();
    let mut all = Vec::new();
    for (i, channel) in Channel::ALL.into_iter().cycle().take(25).enumerate() {
        let i = i64::try_from(i).expect("small");
        let whose = if i % 3 == 0 { other } else { user };
        let mut one = notification(whose, channel, "{}");
        one.accepted_at = start + SignedDuration::from_micros(i);
        all.push(one);
    }
    let batch: Vec<_> = all.iter().collect();
    insert_batch(&*client, &batch).await.expect("recorded");
    let processed = |n: &&Notification| n.channel == Channel::InApp;
    let none = NotificationFilter::default();
    let of_user = NotificationFilter {
        user_id: Some(user),
        ..NotificationFilter::default()
    };
    let pending = NotificationFilter {
        status: Some(Status::Pending),
        ..NotificationFilter::default()
    };
    let sms = NotificationFilter {
        channel: Some(Channel::Sms),
        ..NotificationFilter::default()
    };
    let all_three = NotificationFilter {
        user_id: Some(user),
        status: Some(Status::Pending),
        channel: Some(Channel::Sms),
        ..NotificationFilter::default()
    };
    let cases: [(NotificationFilter, Wanted); 5] = [
        (none, Box::new(|_| true)),
        (of_user, Box::new(|n| n.user_id == Some(user))),
        (pending, Box::new(|n| !processed(n))),
        (sms, Box::new(|n| n.channel == Channel::Sms)),
        (
            all_three,
            Box::new(|n| n.user_id == Some(user) && n.channel == Channel::Sms),
        ),
    ];
    for (filter, wanted) in cases {
        let expected: Vec<_> = all
            .iter()
            .rev()
            .filter(|n| wanted(n))
            .map(|n| n.message_id)
            .collect();
        assert_eq!(pages(&client, &filter).await, expected, "{filter:?}");
    }
}
