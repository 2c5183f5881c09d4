//! What a sweep does to which rows.

use serde_json::json;
use tidings_db::retention::{CHUNK, Progress, Sweep, SweepResult, Work, take_turn};
use tidings_domain::notification::MessageId;
use tidings_tests::{ServerUrls, TestDatabase, World, secs};
use tokio_util::sync::CancellationToken;

use super::{contents, execute, insert, insert_one, settings, tidings, tidings_with};

const ENDS: [&str; 5] = [
    "processed",
    "cancelled",
    "expired",
    "suppressed",
    "digested",
];
const OPEN: [&str; 3] = ["scheduled", "pending", "retrying"];

const ERASED: &str = "payload = '{}' AND payload_removed_at IS NOT NULL";

/// A sweep by a scheduler.
pub(super) async fn swept(db: &TestDatabase, vars: &[(&str, &str)]) -> SweepResult {
    let turn = db
        .pool
        .run(async |client| take_turn(client, secs(0)).await)
        .await;
    let mut turn = turn.expect("the query").expect("the turn");
    let sweep = Sweep {
        database: &db.pool,
        settings: settings(vars),
        everything: false,
        dry_run: false,
    };
    let stop = CancellationToken::new();
    let result = sweep.run(Some(&mut turn), &stop, |_| {}).await;
    let result = result.expect("swept");
    assert!(result.is_complete);
    let ended = db
        .pool
        .run(async |client| turn.end(client, &result, 0, false).await)
        .await;
    ended.expect("ended");
    result
}

#[tokio::test]
async fn payloads_are_erased_once_their_days_are_over_and_a_dry_run_changes_nothing() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let (db, user) = (&world.database, world.user);
    for status in ENDS {
        insert(db, user, status, 91, 1).await;
        insert(db, user, status, 89, 1).await;
    }
    for status in OPEN {
        insert(db, user, status, 91, 1).await;
    }
    // Failed ones: 30 days.
    insert(db, user, "failed", 31, 1).await;
    insert(db, user, "failed", 29, 1).await;
    let before = contents(db).await;
    let (code, rehearsed) = tidings(&world, &["retention", "run", "--dry-run"]);
    assert_eq!(
        (code, &rehearsed["payloads"]),
        (Some(0), &json!(6)),
        "{rehearsed}"
    );
    assert_eq!(contents(db).await, before);

    let (code, report) = tidings(&world, &["retention", "run"]);
    assert_eq!(
        (code, &report["payloads"]),
        (Some(0), &json!(6)),
        "{report}"
    );
    assert_eq!(
        (&report["rows"], &report["dryRun"]),
        (&json!(0), &json!(false))
    );
    for (condition, count) in [
        (
            "status <> 'failed' AND created_at < now() - interval '90 days'",
            5,
        ),
        (
            "status = 'failed' AND created_at < now() - interval '30 days'",
            1,
        ),
        ("true", 6),
    ] {
        let erased = db.count(&format!("{ERASED} AND {condition}")).await;
        assert_eq!(erased, count, "{condition}");
    }
    assert_eq!(db.count("true").await, 15);
    let (_, again) = tidings(&world, &["retention", "run"]);
    assert_eq!(again["payloads"], 0);
}

#[tokio::test]
async fn the_settings_say_how_long_and_zero_means_for_ever() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let (db, user) = (&world.database, world.user);
    insert(db, user, "processed", 1000, 1).await;
    insert(db, user, "failed", 1000, 1).await;
    insert(db, user, "processed", 8, 1).await;
    let days = [
        ("RETENTION_PAYLOAD_DAYS", "7"),
        ("RETENTION_ROW_DAYS", "0"),
        ("RETENTION_DEAD_LETTER_DAYS", "0"),
    ];
    let (_, report) = tidings_with(&world, &days, &["retention", "run"]);
    assert_eq!(
        (&report["payloads"], &report["rows"]),
        (&json!(2), &json!(0))
    );
    // The row of a dead letter is kept as long as the dead letter.
    let days = [("RETENTION_ROW_DAYS", "500"), days[2]];
    let (_, report) = tidings_with(&world, &days, &["retention", "run"]);
    assert_eq!(report["rows"], 1);
    assert_eq!(db.count("status = 'failed' AND payload <> '{}'").await, 1);
    let days = [
        ("RETENTION_ROW_DAYS", "7"),
        ("RETENTION_DEAD_LETTER_DAYS", "2000"),
    ];
    let (_, report) = tidings_with(&world, &days, &["retention", "run"]);
    assert_eq!(report["rows"], 1);
    assert_eq!(db.count("status = 'failed'").await, 1);
}

#[tokio::test]
async fn rows_are_deleted_with_their_attempts_and_cancellations() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let (db, user) = (&world.database, world.user);
    let old = insert_one(db, user, "processed", 401).await;
    let young = insert_one(db, user, "processed", 399).await;
    insert(db, user, "failed", 401, 1).await;
    insert(db, user, "pending", 401, 1).await;
    for (id, days) in [(old, 401), (young, 399)] {
        let sql = format!(
            "INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome)
             VALUES ('{id}', 0, 'smtp', now(), 'delivered');
             INSERT INTO cancellations (message_id, sender, cancelled_at)
             VALUES (gen_random_uuid(), 'orders', now() - interval '{days} days')"
        );
        execute(db, &sql).await;
    }
    let (code, report) = tidings(&world, &["retention", "run"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        (&report["rows"], &report["cancellations"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(db.count(&format!("message_id = '{young}'")).await, 1);
    assert_eq!(db.count("status IN ('processed', 'pending')").await, 2);
    for table in ["delivery_attempts", "cancellations"] {
        let one = format!("EXISTS (SELECT FROM {table} HAVING count(*) = 1)");
        assert_eq!(db.count(&one).await, 2, "{table}");
    }
}

#[tokio::test]
async fn no_chunk_is_larger_than_the_limit() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    insert(&db, user, "processed", 401, 2300).await;
    insert(&db, user, "cancelled", 401, 1200).await;
    let sweep = Sweep {
        database: &db.pool,
        settings: settings(&[]),
        everything: true,
        dry_run: false,
    };
    let mut chunks = Vec::new();
    let stop = CancellationToken::new();
    let result = sweep
        .run(None, &stop, |Progress { work, changed, .. }| {
            chunks.push((work, changed));
        })
        .await
        .expect("swept");
    assert_eq!((result.payloads, result.rows_deleted), (3500, 3500));
    let limit = u64::try_from(CHUNK).expect("small");
    assert!(
        chunks.iter().all(|(_, changed)| *changed <= limit),
        "{chunks:?}"
    );
    let full = |wanted| {
        chunks
            .iter()
            .filter(|(work, n)| *work == wanted && *n == limit)
            .count()
    };
    assert_eq!(
        (full(Work::Payloads), full(Work::Rows)),
        (3, 3),
        "{chunks:?}"
    );
    assert_eq!(db.count("true").await, 0);
}

/// The walk does not look again at what it has passed, and must not miss what ends later.
#[tokio::test]
async fn a_notification_that_ends_long_after_its_acceptance_is_found() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let late: [MessageId; 3] = [
        insert_one(&db, user, "pending", 300).await,
        insert_one(&db, user, "scheduled", 300).await,
        insert_one(&db, user, "failed", 300).await,
    ];
    insert(&db, user, "processed", 200, 10).await;
    assert_eq!(
        swept(&db, &[("RETENTION_DEAD_LETTER_DAYS", "0")])
            .await
            .payloads,
        10
    );
    for (id, status) in late
        .into_iter()
        .zip(["processed", "cancelled", "processed"])
    {
        let end = format!(
            "UPDATE notifications SET status = 'pending' WHERE message_id = '{id}' AND status = 'failed';
             UPDATE notifications
             SET status = '{status}', processed_at = CASE '{status}' WHEN 'processed' THEN now() END
             WHERE message_id = '{id}'"
        );
        execute(&db, &end).await;
    }
    assert_eq!(swept(&db, &[]).await.payloads, 0, "they have just ended");
    let ages = "UPDATE notifications SET ended_at = ended_at - interval '91 days',
                       processed_at = processed_at - interval '91 days' WHERE payload_removed_at IS NULL";
    execute(&db, ages).await;
    assert_eq!(swept(&db, &[]).await.payloads, 3);
    assert_eq!(db.count(ERASED).await, 13);
}

#[tokio::test]
async fn a_sweep_goes_on_where_the_last_one_ended() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    insert(&db, user, "processed", 200, 1500).await;
    insert(&db, user, "processed", 100, 1500).await;
    insert(&db, user, "processed", 10, 10).await;
    assert_eq!(swept(&db, &[]).await.payloads, 3000);
    let through = "id <= (SELECT payloads_through FROM retention)";
    assert_eq!(db.count(through).await, 3000);
    let sql = "UPDATE notifications SET payload_removed_at = NULL, payload = '{\"a\": 1}'
               WHERE id = (SELECT payloads_through FROM retention)";
    execute(&db, sql).await;
    assert_eq!(swept(&db, &[]).await.payloads, 0, "it does not look back");
    let everything = Sweep {
        database: &db.pool,
        settings: settings(&[]),
        everything: true,
        dry_run: true,
    };
    let stop = CancellationToken::new();
    let counted = everything.run(None, &stop, |_| {}).await.expect("counted");
    assert_eq!(counted.payloads, 1);
}
