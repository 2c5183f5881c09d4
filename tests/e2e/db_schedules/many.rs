use std::collections::HashSet;
use std::time::Instant;

use futures_util::future::join_all;
use tidings_db::schedules;

use super::Table;

/// How many are due at once.
const DUE: i64 = 2000;

/// Schedulers at the same time, each with connections of its own.
const SCHEDULERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_schedulers_run_each_due_schedule_once() {
    let table = Table::new().await;
    table.create(&table.definition("0 6 * * *", "UTC")).await;
    let copy = format!(
        "INSERT INTO schedules (id, sender, target_user_id, type, payload, cron, timezone)
         SELECT gen_random_uuid(), sender, target_user_id, type, payload, cron, timezone
         FROM schedules CROSS JOIN generate_series(1, {})",
        DUE - 1
    );
    table.execute(&copy).await;
    table.update("next_at = date_trunc('minute', now())").await;
    let started = Instant::now();
    let scheduler = async || {
        let mut created = 0;
        loop {
            let tick = schedules::tick(&table.db.pool, 100).await;
            let tick = tick.expect("the queries");
            assert_eq!((tick.skipped, tick.failed.len()), (0, 0));
            created += tick.created;
            if tick.created == 0 {
                return created;
            }
        }
    };
    let created = join_all((0..SCHEDULERS).map(|_| scheduler())).await;
    println!("{DUE} schedules in {:?}: {created:?}", started.elapsed());
    assert_eq!(
        created.iter().sum::<usize>(),
        usize::try_from(DUE).expect("few")
    );
    assert_eq!(table.db.count("true").await, DUE);
    let ids: HashSet<_> = table.db.message_ids().await.into_iter().collect();
    assert_eq!(ids.len(), usize::try_from(DUE).expect("few"));
    let moved_on = "SELECT count(*) FROM schedules
                    WHERE next_at > now() AND last_at <= now() AND NOT paused AND skipped = 0";
    let moved_on = table
        .db
        .pool
        .run(async |client| Ok(client.query_one(moved_on, &[]).await?.get::<_, i64>(0)))
        .await;
    assert_eq!(moved_on.expect("a count"), DUE);
}

#[tokio::test]
async fn a_tick_says_whether_more_are_due() {
    let table = Table::new().await;
    for _ in 0..3 {
        table.create(&table.definition("0 6 * * *", "UTC")).await;
    }
    let overdue = async || {
        let late = table
            .db
            .pool
            .run(async |client| schedules::overdue(client).await);
        late.await.expect("the query")
    };
    assert_eq!(overdue().await, None);
    table
        .update("next_at = now() - interval '30 minutes'")
        .await;
    let late = overdue().await.expect("three are due").as_secs();
    assert!((1800..1900).contains(&late), "{late}");
    for (created, more) in [(2, true), (1, false), (0, false)] {
        let tick = schedules::tick(&table.db.pool, 2).await.expect("a tick");
        assert_eq!((tick.created, tick.more), (created, more));
    }
}
