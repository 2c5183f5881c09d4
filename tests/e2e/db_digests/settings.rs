use jiff::Timestamp;
use serde_json::json;
use tidings_db::TransactionOptions;
use tidings_db::digests::{self, CloseResult};
use tidings_db::user_settings::{self, DigestChanges, SettingsChanges, UpdateSettingsResult};
use tidings_domain::change::Change;
use tidings_domain::digest::DigestMode;
use tidings_tests::origin;

use super::Table;

impl Table {
    async fn change(&self, changes: &SettingsChanges) -> UpdateSettingsResult {
        let updated =
            self.db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    user_settings::update(transaction, &origin(), self.user, changes).await
                });
        updated.await.expect("the queries")
    }

    async fn choose(&self, mode: Option<DigestMode>) -> UpdateSettingsResult {
        let name = "news".parse().expect("a name");
        self.change(&SettingsChanges {
            digests: DigestChanges::Merge([(name, mode)].into()),
            ..SettingsChanges::default()
        })
        .await
    }

    async fn is_due(&self) -> bool {
        let due = digests::due(&*self.client, 10).await.expect("the query");
        due.contains(&self.digest().await.id)
    }
}

#[tokio::test]
async fn a_user_chooses_a_slower_digest_only() {
    let table = Table::with(&json!({"mode": "daily"})).await;
    for (chosen, is_allowed) in [
        (DigestMode::Off, false),
        (DigestMode::Window, false),
        (DigestMode::Daily, true),
        (DigestMode::Weekly, true),
    ] {
        let result = table.choose(Some(chosen)).await;
        let name = "news".parse().expect("a name");
        match result {
            UpdateSettingsResult::Updated(_) => assert!(is_allowed, "{chosen}"),
            UpdateSettingsResult::TooFast(modes) => {
                assert!(!is_allowed, "{chosen}");
                assert_eq!(modes, [(name, DigestMode::Daily)]);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        table.choose(None).await,
        UpdateSettingsResult::Updated(_)
    ));
}

#[tokio::test]
async fn an_open_digest_follows_what_its_user_and_its_category_say() {
    let table = Table::with(&json!({"mode": "daily"})).await;
    table.items(2).await;
    let first = table.digest().await;
    assert!(!table.is_due().await);
    // A change makes the scheduler look, and the digest stays open until the new time.
    let time = SettingsChanges {
        digest_at: Change::Set(Some("23:17".parse().expect("a time"))),
        ..SettingsChanges::default()
    };
    table.change(&time).await;
    assert!(table.is_due().await);
    assert_eq!(table.close(first.id).await, CloseResult::Later);
    let at = |closes_at: Timestamp| closes_at.to_string()[11..16].to_owned();
    let moved = table.digest().await;
    assert_eq!(at(moved.closes_at), "23:17");
    assert!(moved.closes_at > moved.opened_at);
    // The zone may be changed in any way.
    table
        .execute(&format!(
            "UPDATE users SET timezone = 'Asia/Kathmandu' WHERE id = '{}'",
            table.user
        ))
        .await;
    assert!(table.is_due().await);
    assert_eq!(table.close(first.id).await, CloseResult::Later);
    assert_eq!(at(table.digest().await.closes_at), "17:32");
    table.choose(Some(DigestMode::Weekly)).await;
    assert_eq!(table.close(first.id).await, CloseResult::Later);
    let weekly = table.digest().await.closes_at;
    assert!(weekly.duration_since(first.opened_at) <= jiff::SignedDuration::from_hours(24 * 8));
    // 17:32 in UTC is Monday in Nepal too.
    let monday = weekly.to_zoned(jiff::tz::TimeZone::UTC).weekday();
    assert_eq!(monday, jiff::civil::Weekday::Monday);
    // Something else changes nothing.
    table
        .execute(&format!(
            "UPDATE user_settings SET quiet_channels = '{{sms}}' WHERE user_id = '{}'",
            table.user
        ))
        .await;
    assert!(!table.is_due().await);

    // A new item with an earlier time moves the digest.
    table.choose(None).await;
    assert_eq!(table.close(first.id).await, CloseResult::Later);
    table
        .category(
            "news",
            "transactional",
            &json!({"mode": "window", "windowSecs": 1}),
        )
        .await;
    table.item().await;
    let soon = table.digest().await;
    assert!(soon.closes_at < Timestamp::now() + jiff::SignedDuration::from_secs(2));
    // A transaction that holds the row makes the others wait, at most for the time limit.
    table.let_all_close().await;
    let holder = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    holder
        .batch_execute("BEGIN; SELECT FROM digests FOR UPDATE")
        .await
        .expect("locked");
    let refused = table.try_close(first.id).await.expect_err("a timeout");
    assert!(refused.is_lock_timeout(), "{refused}");
    holder.batch_execute("ROLLBACK").await.expect("the end");
    assert_eq!(table.close(first.id).await, CloseResult::Sent(3));
}
