//! The table `schedules`, and the ticks of the schedulers.

mod clock_changes;
mod creating;
mod failures;
mod many;
mod outages;
mod pausing;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::notifications::SenderScope;
use tidings_db::schedules::{self, CreateResult, NewSchedule, ScheduleRow, Tick};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::notification::{Channel, ScheduleId, UserId};
use tidings_domain::schedule::{Grace, ScheduleDefinition};
use tidings_domain::time::CronSchedule;
use tidings_tests::{ServerUrls, TestDatabase};

/// More than any test needs.
const LIMIT: u32 = 500;

struct Table {
    db: TestDatabase,
    user: UserId,
}

impl Table {
    async fn new() -> Self {
        let db = TestDatabase::migrated(&ServerUrls::shared()).await;
        let user = db.user().await;
        Self { db, user }
    }

    /// A schedule for the user, by text message.
    fn definition(&self, cron: &str, timezone: &str) -> ScheduleDefinition {
        let pattern = cron.parse().expect(cron);
        let zone = timezone.parse().expect(timezone);
        ScheduleDefinition {
            sender: "billing".to_owned(),
            user_id: self.user,
            channel: Channel::Sms,
            payload: RawValue::from_string(r#"{"text": "Hello"}"#.to_owned()).expect("JSON"),
            template: None,
            group: None,
            category: None,
            digest_key: None,
            ttl_secs: None,
            recurrence: CronSchedule::new(pattern, zone, None, None).expect("no period"),
            grace: Grace::default(),
        }
    }

    async fn try_create(&self, new: NewSchedule<'_>) -> CreateResult {
        let created = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                schedules::create(transaction, new).await
            })
            .await;
        created.expect("the queries")
    }

    async fn create(&self, definition: &ScheduleDefinition) -> ScheduleId {
        let new = NewSchedule {
            definition,
            key: None,
        };
        match self.try_create(new).await {
            CreateResult::Created(row) => row.id,
            other => panic!("{other:?}"),
        }
    }

    async fn row(&self, id: ScheduleId) -> ScheduleRow {
        let found = self
            .db
            .pool
            .run(async |client| schedules::find(client, id, &all()).await)
            .await;
        found.expect("the query").expect("a schedule")
    }

    /// Changes schedules. Returns how many.
    async fn update(&self, changes: &str) -> u64 {
        self.execute(&format!("UPDATE schedules SET {changes}"))
            .await
    }

    async fn update_one(&self, id: ScheduleId, changes: &str) {
        let sql = format!("UPDATE schedules SET {changes} WHERE id = '{id}'");
        assert_eq!(self.execute(&sql).await, 1);
    }

    async fn execute(&self, sql: &str) -> u64 {
        let done = self
            .db
            .pool
            .run(async |client| Ok(client.execute(sql, &[]).await?))
            .await;
        done.expect("the statement")
    }

    /// A tick at the time of the database.
    async fn tick(&self) -> Tick {
        let tick = schedules::tick(&self.db.pool, LIMIT).await;
        tick.expect("the queries")
    }

    /// A tick as if this were the time.
    async fn tick_at(&self, now: Timestamp) -> Tick {
        let tick: Result<Tick, DbError> = self
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                schedules::run_due(transaction, now, LIMIT).await
            })
            .await;
        tick.expect("the queries")
    }

    /// The occurrences whose notifications are recorded, in order.
    async fn occurrences(&self) -> Vec<Timestamp> {
        let rows = self
            .db
            .pool
            .run(async |client| {
                let sql = "SELECT not_before FROM notifications ORDER BY not_before";
                Ok(client.query(sql, &[]).await?)
            })
            .await;
        let rows = rows.expect("the query");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many sessions of this database wait for a lock.
    async fn waiting(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let count = self
            .db
            .pool
            .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)))
            .await;
        count.expect("a count")
    }
}

/// All schedules.
fn all() -> SenderScope {
    SenderScope::default()
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}
