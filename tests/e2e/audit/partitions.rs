//! Retention of the audit log.

use jiff::{SignedDuration, Timestamp};
use tidings_db::audit::{self, AuditRetention, Maintained};
use tidings_tests::{ProgramKind, ServerUrls, TestDatabase, World, eventually_ok, secs};

use super::{execute, rows};

const KEPT: AuditRetention = AuditRetention {
    entry_days: Some(400),
    ip_days: 90,
};

/// Inserts an entry of each of these days ago, by the actor of that name.
async fn insert(db: &TestDatabase, days: &[i32]) {
    let sql = format!(
        "INSERT INTO audit_log (id, at, actor_kind, actor_id, action, outcome, ip)
         SELECT gen_random_uuid(), now() - make_interval(days => days), 'cli', days, 'demo.seed', 'ok', '192.0.2.1'
         FROM unnest(ARRAY{days:?}) AS days"
    );
    execute(&db.pool, &sql).await.expect("inserted");
}

/// The actors of the entries, and whether the entries have an address.
async fn left(db: &TestDatabase) -> Vec<(i32, bool)> {
    let rows = rows(db).await;
    let rows = rows.iter();
    let mut left: Vec<_> = rows
        .map(|row| (row.actor_id.parse().expect("days"), row.ip.is_some()))
        .collect();
    left.sort_unstable();
    left
}

/// The partitions except that of other times.
async fn partitions(db: &TestDatabase) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits
               WHERE inhparent = 'audit_log'::regclass AND inhrelid <> 'audit_log_default'::regclass ORDER BY 1";
    let names = db
        .pool
        .run(async |client| Ok(client.query(sql, &[]).await?))
        .await;
    let names = names.expect("the partitions");
    names.iter().map(|row| row.get(0)).collect()
}

async fn in_default(db: &TestDatabase) -> i64 {
    let sql = "SELECT count(*) FROM audit_log_default";
    let count = db
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)));
    count.await.expect("a count")
}

async fn maintain(db: &TestDatabase, retention: AuditRetention) -> Maintained {
    let maintained = audit::maintain(&db.pool, retention).await;
    maintained.expect("maintained")
}

fn month(days_ago: i64) -> String {
    let time = Timestamp::now() - SignedDuration::from_hours(24 * days_ago);
    time.strftime("audit_log_%Y_%m").to_string()
}

#[tokio::test]
async fn months_are_created_ahead_and_dropped_once_they_are_old() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let created = partitions(&db).await;
    assert_eq!((created.len(), &created[0]), (4, &month(0)));

    // Of months that have no partition: the insert does not fail.
    insert(&db, &[-1000, 0, 60, 200, 450, 470]).await;
    assert_eq!(in_default(&db).await, 5);
    let forever = AuditRetention {
        entry_days: None,
        ip_days: 36_500,
    };
    assert_eq!(maintain(&db, forever).await, Maintained::default());
    // What lies far ahead stays.
    assert_eq!(in_default(&db).await, 1);
    let all = partitions(&db).await;
    for days in [0, 60, 200, 450, 470] {
        assert!(all.contains(&month(days)), "{days}: {all:?}");
    }
    let everything = [-1000, 0, 60, 200, 450, 470].map(|days| (days, true));
    assert_eq!(left(&db).await, everything);

    let maintained = maintain(&db, KEPT).await;
    let mut old = vec![month(450), month(470)];
    old.dedup();
    let expected = Maintained {
        partitions_dropped: old.len().try_into().expect("few"),
        ips_erased: 1,
    };
    assert_eq!(maintained, expected);
    let expected = [(-1000, true), (0, true), (60, true), (200, false)];
    assert_eq!(left(&db).await, expected);
    assert_eq!(maintain(&db, KEPT).await, Maintained::default());

    // Entries that nobody has moved before they are too old.
    insert(&db, &[500]).await;
    maintain(&db, KEPT).await;
    assert_eq!(left(&db).await, expected);
}

#[tokio::test]
async fn a_scheduler_maintains_the_audit_log_and_deletes_old_figures() {
    let settings = [
        ("WORKER_CHANNELS", "scheduler"),
        ("AUDIT_RETENTION_DAYS", "90"),
        ("AUDIT_IP_DAYS", "7"),
    ];
    let world = World::with(&settings).await;
    insert(&world.database, &[1, 8, 89, 91]).await;
    let figures = "INSERT INTO stats_minute (minute, channel, measure, label, n, sum_ms, buckets)
                   SELECT now() - make_interval(days => days), 'sms', 'accepted', '', 1, 0, '{}'
                   FROM unnest(ARRAY[29, 31]) AS days";
    execute(&world.database.pool, figures)
        .await
        .expect("inserted");
    let _worker = world.start(ProgramKind::Worker, &[]).await;
    let expected = [(1, true), (8, false), (89, false)];
    eventually_ok(secs(30), "the audit log is swept", async || {
        let left = left(&world.database).await;
        (left == expected)
            .then_some(())
            .ok_or_else(|| format!("{left:?}"))
    })
    .await;
    // Deleted before.
    let count = world.database.pool.run(async |client| {
        let row = client
            .query_one("SELECT count(*) FROM stats_minute", &[])
            .await?;
        Ok(row.get::<_, i64>(0))
    });
    assert_eq!(count.await.expect("a count"), 1);
}
