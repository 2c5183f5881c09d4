//! The tables of figures.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_db::statistics::{StatsWriter, add, read, remove_old};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::notification::Channel;
use tidings_domain::statistics::{
    Figure, GroupBy, Measure, Series, StatsInstant, StatsQuery, Step, Tally, minute_of, series,
};
use tidings_runtime::statistics::{Unsaved, events};
use tidings_tests::{ServerUrls, TestDatabase};
use tokio_util::sync::CancellationToken;

use crate::retention::execute;

/// The time that all questions are asked at.
const NOW: &str = "2026-11-28T12:34:56Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn figure(
    minutes_ago: i64,
    channel: Option<Channel>,
    measure: Measure,
    label: &'static str,
) -> Figure {
    Figure {
        minute: minute_of(now()) - minutes_ago,
        channel,
        measure,
        label: label.into(),
    }
}

fn counted(n: u64) -> Tally {
    let mut tally = Tally::default();
    tally.add(n);
    tally
}

fn observed(milliseconds: &[u64]) -> Tally {
    let mut tally = Tally::default();
    for duration in milliseconds {
        tally.observe(Duration::from_millis(*duration));
    }
    tally
}

async fn save(database: &Database, figures: Vec<(Figure, Tally)>) {
    let mut unsaved = Unsaved::default();
    unsaved.add(figures);
    let saved = database
        .transaction(TransactionOptions::default(), async |transaction| {
            add(transaction, &unsaved).await
        })
        .await;
    saved.expect("saved");
}

struct Asked {
    from: &'static str,
    step: Step,
    by: GroupBy,
    measure: Option<Measure>,
    channel: Option<Channel>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            from: "-1h",
            step: Step::Minute,
            by: GroupBy::Channel,
            measure: None,
            channel: None,
        }
    }
}

async fn ask(database: &Database, asked: Asked, now: Timestamp) -> Vec<Series> {
    let period = [asked.from.parse().expect("a time"), StatsInstant::NOW];
    let (measure, channel) = (asked.measure, asked.channel);
    let query = StatsQuery::new(period, asked.step, asked.by, measure, channel, now);
    let query = query.expect("a question");
    let rows = database
        .run(async |client| read(client, &query).await)
        .await;
    series(&query, rows.expect("figures")).expect("few points")
}

/// The totals of the series that have any.
fn totals(series: &[Series]) -> Vec<(&str, u64)> {
    let some = series.iter().filter(|one| one.total.n > 0);
    some.map(|one| (one.by.as_str(), one.total.n)).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of questions")]
async fn figures_of_several_processes_add_up_in_minutes_hours_and_days() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (email, sms) = (Some(Channel::Email), Some(Channel::Sms));
    let first = vec![
        (
            figure(1, email, Measure::Delivered, ""),
            observed(&[10, 10, 10]),
        ),
        (figure(1, sms, Measure::Delivered, ""), observed(&[2000])),
        (figure(2, email, Measure::Accepted, ""), counted(5)),
        (
            figure(2, None, Measure::DeadLettered, "undecodable"),
            counted(1),
        ),
        (
            figure(2, email, Measure::Attempts, "delivered"),
            observed(&[7]),
        ),
        (figure(2, None, Measure::Depth, "intake"), counted(40)),
    ];
    let second = vec![
        (figure(1, email, Measure::Delivered, ""), observed(&[5000])),
        // The hour before.
        (figure(50, email, Measure::Delivered, ""), counted(6)),
        (
            figure(2, sms, Measure::DeadLettered, "undecodable"),
            counted(2),
        ),
        (
            figure(2, sms, Measure::DeadLettered, "no_contact"),
            counted(3),
        ),
        (
            figure(2, email, Measure::Attempts, "failed"),
            observed(&[70, 80]),
        ),
        (figure(2, None, Measure::Depth, "intake"), counted(30)),
        (figure(3, None, Measure::Depth, "intake"), counted(7)),
    ];
    save(&db.pool, first).await;
    save(&db.pool, second).await;

    let delivered = ask(&db.pool, Asked::default(), now()).await;
    assert_eq!(totals(&delivered), [("email", 10), ("sms", 1)]);
    assert_eq!(delivered[1].points.len(), 61);
    let at = |minutes_ago: usize| delivered[1].points[60 - minutes_ago];
    assert_eq!(
        (at(1).n, at(1).p50_ms, at(1).p95_ms),
        (4, Some(9), Some(5000))
    );
    assert_eq!((at(0).n, at(50).n, at(50).p50_ms), (0, 6, None));

    for (asked, expected) in [
        (
            Asked {
                by: GroupBy::Outcome,
                ..Asked::default()
            },
            vec![("accepted", 5), ("delivered", 11)],
        ),
        (
            Asked {
                by: GroupBy::Outcome,
                channel: sms,
                ..Asked::default()
            },
            vec![("delivered", 1)],
        ),
        (
            Asked {
                by: GroupBy::Outcome,
                measure: Some(Measure::Attempts),
                ..Asked::default()
            },
            vec![("delivered", 1), ("failed", 2)],
        ),
        (
            Asked {
                by: GroupBy::Reason,
                ..Asked::default()
            },
            vec![("no_contact", 3), ("undecodable", 3)],
        ),
        (
            Asked {
                measure: Some(Measure::DeadLettered),
                ..Asked::default()
            },
            vec![("sms", 5), ("unknown", 1)],
        ),
        // The largest sample.
        (
            Asked {
                by: GroupBy::Queue,
                ..Asked::default()
            },
            vec![("intake", 40)],
        ),
        (
            Asked {
                from: "-7d",
                step: Step::Hour,
                by: GroupBy::Queue,
                ..Asked::default()
            },
            vec![("intake", 40)],
        ),
        (
            Asked {
                from: "-5m",
                ..Asked::default()
            },
            vec![("email", 4), ("sms", 1)],
        ),
        (
            Asked {
                from: "-300d",
                step: Step::Day,
                ..Asked::default()
            },
            vec![("email", 10), ("sms", 1)],
        ),
    ] {
        let (by, measure, step) = (asked.by, asked.measure, asked.step);
        let found = ask(&db.pool, asked, now()).await;
        assert_eq!(totals(&found), expected, "{by} {measure:?} {step}");
    }

    let hours = Asked {
        from: "-2h",
        step: Step::Hour,
        ..Asked::default()
    };
    let hours = ask(&db.pool, hours, now()).await;
    let counts: Vec<u64> = hours[1].points.iter().map(|point| point.n).collect();
    assert_eq!(counts, [0, 6, 4], "the hours from 10 to 12");
    assert_eq!(hours[1].points[2].p95_ms, Some(5000));
}

#[tokio::test]
async fn minutes_are_deleted_after_30_days_and_hours_after_400() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let sql = |table: &str, time: &str, days: u32, count: u32| {
        format!(
            "INSERT INTO {table} ({time}, channel, measure, label, n, sum_ms, buckets)
             SELECT now() - make_interval(days => {days}, mins => n), 'email', 'accepted', '', 1, 0, '{{}}'
             FROM generate_series(1, {count}) AS n;"
        )
    };
    let rows = [
        sql("stats_minute", "minute", 30, 1001),
        sql("stats_minute", "minute", 29, 2),
        sql("stats_hour", "hour", 400, 3),
        sql("stats_hour", "hour", 399, 4),
    ];
    execute(&db, &rows.concat()).await;
    let removed = remove_old(&db.pool, &CancellationToken::new()).await;
    assert_eq!(removed.expect("removed"), 1004);
    let left = "SELECT (SELECT count(*) FROM stats_minute), (SELECT count(*) FROM stats_hour)";
    let left = db
        .pool
        .run(async |client| {
            let row = client.query_one(left, &[]).await?;
            Ok([row.get::<_, i64>(0), row.get(1)])
        })
        .await;
    assert_eq!(left.expect("counts"), [2, 4]);
}

/// The figures of the process are those of this test: each test is a process.
#[tokio::test]
async fn figures_that_cannot_be_saved_are_kept_and_added_later() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let accepted = async || {
        let asked = Asked {
            measure: Some(Measure::Accepted),
            ..Asked::default()
        };
        let found = ask(
            &db.pool,
            asked,
            Timestamp::now() + SignedDuration::from_mins(1),
        )
        .await;
        found[2].total.n
    };
    let mut writer = StatsWriter::new(db.pool.clone());
    events::accepted(Channel::Sms, "broker", 3);
    // After the minutes are added, so that the transaction is rolled back as a whole.
    execute(&db, "ALTER TABLE stats_hour RENAME TO stats_gone").await;
    assert!(!writer.save().await);
    events::accepted(Channel::Sms, "broker", 4);
    assert!(!writer.save().await);
    assert_eq!(accepted().await, 0);
    execute(&db, "ALTER TABLE stats_gone RENAME TO stats_hour").await;
    assert!(writer.save().await);
    assert_eq!(accepted().await, 7);
    assert!(writer.save().await);
    assert_eq!(accepted().await, 7, "saved once");

    // What is counted until the end is saved at the end.
    events::accepted(Channel::Sms, "database", 1);
    let stop = CancellationToken::new();
    stop.cancel();
    writer.run(stop).await;
    assert_eq!(accepted().await, 8);
}
