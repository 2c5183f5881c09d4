//! The settings of users: what claims read, and what a change makes due.

mod spread;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_db::audit::{self, ActorKind, AuditFilter, AuditOrigin};
use tidings_db::notifications::{
    self, ClaimEnd, ClaimEndResult, ClaimRequest, ClaimResult, LeaseToken, LockedRows,
};
use tidings_db::user_settings::{
    self, DigestChanges, SettingsChanges, UpdateSettingsResult, UserQuietHours, lock_quiet_hours,
};
use tidings_db::{DedicatedClient, TransactionOptions};
use tidings_domain::change::Change;
use tidings_domain::decision::HoldReason;
use tidings_domain::digest::DigestMode;
use tidings_domain::notification::{DeliveredChannel, MessageId, UserId};
use tidings_domain::time::{QuietChannels, QuietHours};
use tidings_tests::{ServerUrls, TestDatabase, eventually, origin, secs};
use tokio::sync::oneshot;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

/// Quiet but for one minute of the week.
const NEARLY_ALWAYS: &str = r#"[{"days": [1, 2, 3, 4, 5, 6, 7], "from": "12:00", "to": "00:00"},
    {"days": [2, 3, 4, 5, 6, 7], "from": "00:00", "to": "12:00"}, {"days": [1], "from": "00:01", "to": "12:00"}]"#;

fn hours(json: &str) -> QuietHours {
    QuietHours::from_json(json).expect(json)
}

fn quiet(hours: Option<QuietHours>) -> SettingsChanges {
    SettingsChanges {
        quiet: Change::Set(hours),
        ..SettingsChanges::default()
    }
}

struct Table {
    /// Dropped last.
    db: TestDatabase,
    client: DedicatedClient,
    user: UserId,
}

impl Table {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let client = db.pool.dedicated_client().await.expect("a connection");
        let user = db.user().await;
        Self { db, client, user }
    }

    async fn change_by(
        &self,
        origin: &AuditOrigin,
        changes: &SettingsChanges,
    ) -> UpdateSettingsResult {
        let updated =
            self.db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    user_settings::update(transaction, origin, self.user, changes).await
                });
        updated.await.expect("the queries")
    }

    async fn change(&self, changes: &SettingsChanges) -> UpdateSettingsResult {
        self.change_by(&origin(), changes).await
    }

    async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.expect(sql);
    }

    /// Creates a notification of a user that waits for an hour.
    async fn held(&self, user: UserId, reason: &str) -> MessageId {
        let id = MessageId::generate();
        let row = Uuid::now_v7();
        self.execute(&format!(
            "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, not_before, reason)
             VALUES ('{row}', '{user}', 'sms', '{{}}', 'scheduled', '{id}', now(), now() + interval '1 hour', '{reason}')"
        ))
        .await;
        id
    }

    async fn due(&self) -> HashSet<Uuid> {
        let due = self
            .db
            .message_ids_where("status = 'scheduled' AND not_before <= now()");
        due.await.into_iter().collect()
    }

    /// The quiet hours that a claim finds.
    async fn claimed(&self, channel: DeliveredChannel, category: &str) -> Option<UserQuietHours> {
        let id = MessageId::generate();
        let row = Uuid::now_v7();
        self.execute(&format!(
            "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, category)
             VALUES ('{row}', '{}', '{channel}', '{{}}', 'pending', '{id}', now(), {category})",
            self.user
        ))
        .await;
        let request = ClaimRequest {
            id,
            attempt: 0,
            token: LeaseToken::generate(),
        };
        let claims = notifications::claim(&*self.client, channel, &[request], LEASE).await;
        match claims.expect("the query").remove(0) {
            ClaimResult::Claimed(claimed) => claimed.quiet_hours,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn settings_are_written_read_and_recorded() {
    let table = Table::new().await;
    let unset = user_settings::find(&*table.client, table.user).await;
    let before = unset.expect("the query").expect("the user");
    assert!(before.quiet.is_empty() && before.digests.is_empty());
    let nobody = user_settings::find(&*table.client, Uuid::new_v4().into()).await;
    assert_eq!(nobody.expect("the query"), None);
    let changes = SettingsChanges {
        timezone: Change::Set("Europe/Berlin".parse().ok()),
        locale: Change::Set("de".parse().ok()),
        quiet: Change::Set(Some(hours(NEARLY_ALWAYS))),
        quiet_channels: Change::Set(QuietChannels::read(["email"]).ok()),
        digest_at: Change::Set("18:30".parse().ok()),
        digests: DigestChanges::Merge(BTreeMap::from([(
            "security".parse().expect("a name"),
            Some(DigestMode::Weekly),
        )])),
    };
    let user = AuditOrigin::new(ActorKind::User, &table.user.to_string());
    let UpdateSettingsResult::Updated(after) = table.change_by(&user, &changes).await else {
        panic!("they differ");
    };
    let found = user_settings::find(&*table.client, table.user).await;
    assert_eq!(found.expect("the query").as_ref(), Some(&after));
    assert_eq!(after.timezone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(after.digest_at.to_string(), "18:30");
    assert_eq!(
        table.change(&changes).await,
        UpdateSettingsResult::Unchanged(after)
    );
    let unknown = DigestChanges::Merge(BTreeMap::from([(
        "gone".parse().expect("a name"),
        Some(DigestMode::Off),
    )]));
    let unknown = SettingsChanges {
        digests: unknown,
        ..quiet(None)
    };
    assert_eq!(
        table.change(&unknown).await,
        UpdateSettingsResult::UnknownCategories(vec!["gone".to_owned()])
    );
    // What the user does is not recorded; what others do is.
    let entries = async || {
        let filter = AuditFilter::default();
        let page = audit::list(&*table.client, &filter, None, 10).await;
        page.expect("the query").0
    };
    assert!(entries().await.is_empty());
    assert!(matches!(
        table.change(&quiet(None)).await,
        UpdateSettingsResult::Updated(_)
    ));
    let entries = entries().await;
    assert_eq!(entries.len(), 1);
    // A value that this version cannot read counts as absent.
    table
        .execute("UPDATE user_settings SET quiet = '{\"moon\": 1}', quiet_channels = '{fax}', digests = '{\"security\": \"hourly\"}'")
        .await;
    let found = user_settings::find(&*table.client, table.user).await;
    let found = found.expect("the query").expect("the user");
    assert!(found.quiet.is_empty() && found.digests.is_empty());
    assert_eq!(found.quiet_channels, QuietChannels::default());
}

#[tokio::test]
async fn a_claim_finds_the_quiet_hours_that_may_hold_the_notification() {
    let table = Table::new().await;
    let sms = DeliveredChannel::Sms;
    assert_eq!(table.claimed(sms, "NULL").await, None);
    table.change(&quiet(Some(hours(NEARLY_ALWAYS)))).await;
    table
        .execute(
            "INSERT INTO categories (name, kind, quiet)
             VALUES ('alarm', 'transactional', 'ignore'), ('news', 'marketing', 'obey')",
        )
        .await;
    for (channel, category, is_held) in [
        (sms, "NULL", true),
        (DeliveredChannel::Push, "NULL", true),
        (DeliveredChannel::Email, "NULL", false),
        (DeliveredChannel::Webhook, "NULL", false),
        (sms, "'news'", true),
        (sms, "'removed'", true),
        (sms, "'alarm'", false),
        (sms, "'security'", false),
    ] {
        let found = table.claimed(channel, category).await;
        assert_eq!(found.is_some(), is_held, "{channel} {category}");
    }
    // The zone comes with them. SQL may have inserted any name.
    let now: Timestamp = "2027-01-03T23:30:00Z".parse().expect("a time");
    let default = "Asia/Tokyo".parse().expect("a zone");
    for (zone, end) in [
        ("NULL", "2027-01-10T15:00:00Z"),
        ("'Europe/Berlin'", "2027-01-10T23:00:00Z"),
        ("'Mars/Olympus'", "2027-01-10T15:00:00Z"),
        ("'UTC'", "2027-01-04T00:00:00Z"),
    ] {
        table
            .execute(&format!("UPDATE users SET timezone = {zone}"))
            .await;
        let found = table.claimed(sms, "NULL").await.expect("quiet hours");
        let release = found.release(&default, now, table.user, Duration::ZERO);
        assert_eq!(
            release.map(|time| time.to_string()).as_deref(),
            Some(end),
            "{zone}"
        );
    }
    table.execute("UPDATE user_settings SET quiet = '7'").await;
    assert_eq!(table.claimed(sms, "NULL").await, None);
}

#[tokio::test]
async fn a_change_makes_what_waits_for_the_end_of_quiet_hours_due() {
    let table = Table::new().await;
    table.change(&quiet(Some(hours(NEARLY_ALWAYS)))).await;
    let other = table.db.user().await;
    let scheduled = table.held(table.user, "schedule").await;
    let of_other = table.held(other, "quiet_hours").await;
    let user = table.user;
    for change in [
        "UPDATE user_settings SET quiet_channels = '{sms}' WHERE user_id",
        "UPDATE users SET timezone = 'Europe/Berlin' WHERE id",
        "UPDATE users SET timezone = NULL WHERE id",
        "DELETE FROM user_settings WHERE user_id",
    ] {
        let held = table.held(user, "quiet_hours").await;
        assert!(table.due().await.is_empty(), "{change}");
        table.execute(&format!("{change} = '{user}'")).await;
        let due = table.due().await;
        assert_eq!(due, HashSet::from([held.as_uuid()]), "{change}");
        let remove = format!("DELETE FROM notifications WHERE message_id = '{held}'");
        table.execute(&remove).await;
    }
    // The zone of users without quiet hours changes nothing.
    let held = table.held(user, "quiet_hours").await;
    table
        .execute("UPDATE users SET timezone = 'UTC', locale = 'de'")
        .await;
    assert!(
        table.due().await.is_empty(),
        "{held} {scheduled} {of_other}"
    );
}

#[tokio::test]
async fn a_change_waits_for_a_claim_that_holds_and_finds_what_it_holds() {
    let table = Table::new().await;
    table.change(&quiet(Some(hours(NEARLY_ALWAYS)))).await;
    let user = table.user;
    let pending = table.held(user, "quiet_hours").await;
    table
        .execute("UPDATE notifications SET status = 'pending', not_before = NULL, reason = NULL")
        .await;
    let token = LeaseToken::generate();
    let request = ClaimRequest {
        id: pending,
        attempt: 0,
        token,
    };
    let (holds, held) = oneshot::channel();
    let (goes_on, may_go_on) = oneshot::channel::<()>();
    let pool = table.db.pool.clone();
    let claim = tokio::spawn(async move {
        let mut client = pool.dedicated_client().await.expect("a connection");
        let transaction = client.transaction().await.expect("a transaction");
        let sms = DeliveredChannel::Sms;
        let claims = notifications::claim(&transaction, sms, &[request], LEASE).await;
        assert!(matches!(
            claims.expect("the query")[..],
            [ClaimResult::Claimed(_)]
        ));
        let locked = lock_quiet_hours(&transaction, sms, &[user]).await;
        assert_eq!(locked.expect("the queries").len(), 1);
        holds.send(()).expect("the test waits");
        may_go_on.await.expect("the test goes on");
        let until = Timestamp::now() + SignedDuration::from_hours(1);
        let result = ClaimEndResult::Held {
            until,
            reason: HoldReason::QuietHours,
        };
        let ends = [ClaimEnd {
            id: pending,
            token,
            result,
        }];
        let ended = notifications::end_claims(&transaction, &ends, LockedRows::Wait).await;
        assert_eq!(ended.expect("the query").len(), 1);
        transaction.commit().await.expect("committed");
    });
    held.await.expect("the claim");
    let change = quiet(None);
    let changed = table.change(&change);
    let released = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO user_settings%'";
        eventually(secs(30), "the change waits", async || {
            let row = table
                .client
                .query_one(waiting, &[])
                .await
                .expect("the query");
            row.get::<_, i64>(0) == 1
        })
        .await;
        goes_on.send(()).expect("the claim goes on");
    };
    let (changed, ()) = tokio::join!(changed, released);
    assert!(matches!(changed, UpdateSettingsResult::Updated(_)));
    claim.await.expect("the claim");
    assert_eq!(table.due().await, HashSet::from([pending.as_uuid()]));
}
