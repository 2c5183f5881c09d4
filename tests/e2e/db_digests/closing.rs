use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_db::digests::{self, CloseResult, Closing};
use tidings_db::notifications::{self, SenderScope};
use tidings_db::preferences::{self, SetResult};
use tidings_db::{DbError, TransactionOptions, retention};
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{MessageId, Notification};
use tidings_domain::preference::{NewChoice, PreferenceSource};
use tidings_domain::time::Timezone;
use tidings_tests::origin;

use super::Table;

#[tokio::test]
async fn a_closed_digest_is_one_notification_with_the_newest_items() {
    let table = Table::new().await;
    let user = table.user;
    table
        .execute(&format!(
            "UPDATE users SET locale = 'de-AT' WHERE id = '{user}'"
        ))
        .await;
    let items = table.items(60).await;
    let secret = Notification {
        sensitive: true,
        payload: RawValue::from_string(r#"{"text": "code 4711"}"#.to_owned()).expect("JSON"),
        ..table.notification()
    };
    table.record(&[&secret]).await;
    let digest = table.digest().await;
    assert_eq!(table.close(digest.id).await, CloseResult::Later);
    table.let_all_close().await;
    assert_eq!(table.close(digest.id).await, CloseResult::Sent(61));

    let id = MessageId::for_digest(digest.id);
    let closed = table.digest().await;
    assert_eq!(
        (closed.status.as_str(), closed.message_id),
        ("sent", Some(id))
    );
    let message = table.row(id).await;
    assert_eq!(
        message.template,
        Some(TemplateRef {
            name: "digest/news".to_owned(),
            locale: Some("de-AT".to_owned()),
        })
    );
    assert_eq!(message.category.as_deref(), Some("news"));
    assert_eq!(message.user_id, Some(user));
    assert_eq!(message.digest_id, Some(digest.id));
    // One of its items is.
    assert!(message.sensitive);
    let payload: Value = serde_json::from_str(&message.payload).expect("JSON");
    assert_eq!(payload["total"], 61);
    let shown = payload["items"].as_array().expect("a list");
    assert_eq!(shown.len(), 50);
    assert_eq!(shown[0]["messageId"], json!(secret.message_id));
    assert_eq!(shown[0]["payload"], json!({"text": "code 4711"}));
    assert_eq!(shown[0]["summary"], "code 4711");
    for id in items.iter().chain([&secret.message_id]) {
        let row = table.row(*id).await;
        assert_eq!(
            (row.status.as_str(), row.reason.as_deref()),
            ("digested", Some("digest"))
        );
        assert_eq!(row.digest_id, Some(digest.id));
    }
    assert_eq!(table.row(secret.message_id).await.payload, "{}");
    // It goes the way of any other, once.
    assert_eq!(table.published().await, [id]);
    assert_eq!(table.close(digest.id).await, CloseResult::Closed);
}

#[tokio::test]
async fn large_payloads_are_left_out_of_the_message_and_counted() {
    let table = Table::new().await;
    let large = json!({"text": "x".repeat(150_000)}).to_string();
    for _ in 0..3 {
        let item = Notification {
            payload: RawValue::from_string(large.clone()).expect("JSON"),
            ..table.notification()
        };
        table.record(&[&item]).await;
    }
    table.let_all_close().await;
    let digest = table.digest().await;
    assert_eq!(table.close(digest.id).await, CloseResult::Sent(3));
    let message = table.row(MessageId::for_digest(digest.id)).await;
    let payload: Value = serde_json::from_str(&message.payload).expect("JSON");
    assert_eq!(payload["total"], 3);
    assert_eq!(payload["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn items_are_decided_again_and_one_that_is_left_arrives_as_itself() {
    let table = Table::new().await;
    let [cancelled, expired, wanted] = table.items(3).await[..] else {
        panic!("three items");
    };
    table.update(expired, "expires_at = now()").await;
    let scope = SenderScope::default();
    let cancel = notifications::cancel(&table.db.pool, cancelled, &scope, &origin()).await;
    cancel.expect("cancelled");
    // Its sender gave another one a time of its own.
    let moved = table.item().await;
    let later = Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
    notifications::reschedule(&table.db.pool, moved, &scope, later, &origin())
        .await
        .expect("the queries");
    assert_eq!(table.row(moved).await.digest_id, None);
    table.let_all_close().await;
    let digest = table.digest().await;
    assert_eq!(digest.items, 4);
    let closing = table.try_close(digest.id).await.expect("the queries");
    assert_eq!((closing.result, closing.expired), (CloseResult::Single, 1));
    assert!(!closing.is_recorded && closing.suppressed.is_empty());
    let states = table.states(&[cancelled, expired, wanted, moved]).await;
    let expected = [
        "cancelled digest",
        "expired digest",
        "scheduled digest",
        "scheduled schedule",
    ];
    assert_eq!(states, expected);
    let closed = table.digest().await;
    assert_eq!(
        (closed.status.as_str(), closed.message_id),
        ("sent", Some(wanted))
    );
    // Although the category has digests again.
    table
        .category("news", "transactional", &json!({"mode": "daily"}))
        .await;
    assert_eq!(table.published().await, [wanted]);
    let missing = notifications::find(&*table.client, MessageId::for_digest(digest.id), None).await;
    assert_eq!(missing.expect("the query"), None);
}

#[tokio::test]
async fn nothing_is_sent_if_no_item_is_left() {
    let table = Table::new().await;
    let all = table.items(3).await;
    let scope = SenderScope::default();
    for id in &all {
        let cancel = notifications::cancel(&table.db.pool, *id, &scope, &origin()).await;
        cancel.expect("cancelled");
    }
    let opted_out = Table::new().await;
    let unwanted = opted_out.items(2).await;
    let choice = NewChoice {
        category: "news".parse().expect("a category"),
        channel: "sms".parse().expect("a channel"),
        enabled: Some(false),
    };
    let set = opted_out
        .db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let user = opted_out.user;
            preferences::set(
                transaction,
                user,
                std::slice::from_ref(&choice),
                PreferenceSource::User,
            )
            .await
        })
        .await;
    assert_eq!(set.expect("the queries"), SetResult::Changed);
    let erased = Table::new().await;
    let gone = erased.items(2).await;
    erased.execute("UPDATE users SET is_deleted = true").await;
    for (table, ids, state) in [
        (&table, &all, "cancelled digest"),
        (&opted_out, &unwanted, "suppressed preference"),
        (&erased, &gone, "suppressed user_gone"),
    ] {
        table.let_all_close().await;
        let digest = table.digest().await;
        let closing = table.try_close(digest.id).await.expect("the queries");
        assert_eq!(closing.result, CloseResult::Empty);
        let suppressed: Vec<_> = closing.suppressed.iter().map(|one| one.as_str()).collect();
        let reason = state.strip_prefix("suppressed ");
        assert_eq!(
            suppressed,
            reason.map_or(Vec::new(), |reason| vec![reason; ids.len()])
        );
        assert!(!closing.is_recorded);
        assert_eq!(table.states(ids).await, vec![state; ids.len()]);
        let closed = table.digest().await;
        assert_eq!((closed.status.as_str(), closed.message_id), ("empty", None));
        assert!(table.published().await.is_empty());
    }
}

#[tokio::test]
async fn a_scheduler_that_dies_before_the_commit_leaves_everything_and_after_it_nothing() {
    let table = Table::new().await;
    let items = table.items(3).await;
    table.let_all_close().await;
    let digest = table.digest().await;
    let id = MessageId::for_digest(digest.id);
    let utc = Timezone::default();
    let killed: Result<Closing, DbError> = table
        .db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let result = digests::close(transaction, digest.id, &utc).await?;
            let pid: i32 = transaction
                .query_one("SELECT pg_backend_pid()", &[])
                .await?
                .get(0);
            let killed = table
                .client
                .execute("SELECT pg_terminate_backend($1)", &[&pid])
                .await?;
            assert_eq!(killed, 1);
            Ok(result)
        })
        .await;
    assert!(killed.is_err());
    assert_eq!(table.digest().await.status, "open");
    assert_eq!(table.states(&items).await, vec!["scheduled digest"; 3]);
    let found = notifications::find(&*table.client, id, None).await;
    assert_eq!(found.expect("the query"), None);

    let closing = table.try_close(digest.id).await.expect("the queries");
    assert_eq!(closing.result, CloseResult::Sent(3));
    assert!(closing.is_recorded && closing.suppressed.is_empty());
    assert_eq!(
        closing.channel,
        Some(tidings_domain::notification::Channel::Sms)
    );
    // As after a commit that nobody has heard of.
    assert_eq!(table.close(digest.id).await, CloseResult::Closed);
    assert_eq!(table.states(&items).await, vec!["digested digest"; 3]);
    assert_eq!(table.published().await, [id]);
}

#[tokio::test]
async fn items_without_an_open_digest_are_due_again_and_retention_deletes_closed_digests() {
    let table = Table::new().await;
    let items = table.items(2).await;
    let reopen = async || {
        digests::reopen_items(&*table.client, 100)
            .await
            .expect("the query")
    };
    assert_eq!(reopen().await, 0);
    table
        .execute("UPDATE digests SET status = 'sent', closed_at = now() - interval '500 days'")
        .await;
    assert_eq!(reopen().await, 2);
    // They are collected to the next one.
    let batch = table
        .lease(tidings_domain::notification::Channel::Sms)
        .await;
    assert_eq!((batch.to_publish.len(), batch.to_collect.len()), (0, 2));
    let utc = Timezone::default();
    let joined = table
        .db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            digests::join(transaction, &batch.to_collect, &utc).await
        })
        .await;
    assert_eq!(joined.expect("the queries"), 2);
    let all = table.digests().await;
    assert_eq!((all.len(), all[1].items), (2, 2));
    assert_eq!(table.row(items[0]).await.digest_id, Some(all[1].id));

    let mut reader = tidings_settings::Reader::from_vars([]);
    let settings = retention::RetentionSettings::read(&mut reader);
    let sweep = retention::Sweep {
        database: &table.db.pool,
        settings,
        everything: true,
        dry_run: false,
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let swept = sweep.run(None, &stop, |_| {}).await.expect("the queries");
    assert_eq!(swept.digests, 1);
    assert_eq!(table.digest().await.id, all[1].id);
}
