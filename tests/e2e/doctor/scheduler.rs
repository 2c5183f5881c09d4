use serde_json::json;
use tidings_tests::World;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{finding, report, severity};

/// Records a scheduler of a version that ran some seconds ago.
async fn heartbeat(world: &World, version: &str, seconds_ago: f64) {
    let sql = "INSERT INTO scheduler_heartbeats (id, beat_at, version)
               VALUES ($1, now() - make_interval(secs => $2), $3)";
    execute(world, sql, &[&Uuid::new_v4(), &seconds_ago, &version]).await;
}

async fn execute(world: &World, sql: &str, values: &[&(dyn ToSql + Sync)]) {
    let pool = &world.database.pool;
    let done = pool.run(async |client| Ok(client.execute(sql, values).await?));
    done.await.expect("a statement");
}

fn message(report: &serde_json::Value, check: &str) -> String {
    let message = finding(report, check)["message"].as_str();
    message.expect("a message").to_owned()
}

#[tokio::test]
async fn doctor_says_whether_a_scheduler_runs_and_how_late_notifications_are() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let none = report(&world, &[]);
    assert_eq!(severity(&none, "scheduler"), "warning", "{none}");

    // One that ran too long ago does not count.
    heartbeat(&world, env!("CARGO_PKG_VERSION"), 90.0).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let mut body = world.in_app();
    body["sendAt"] = json!("2000-01-01T00:00:00Z");
    let _ = api.client().post(&body).await.accepted();
    world.until_recorded(1).await;
    drop(worker);
    let sql =
        "UPDATE notifications SET status = 'scheduled', not_before = now() - interval '2 minutes'";
    execute(&world, sql, &[]).await;
    let late = report(&world, &[]);
    assert_eq!(severity(&late, "scheduler"), "error", "{late}");
    assert!(message(&late, "scheduler").contains("no scheduler has run within a minute"));

    heartbeat(&world, env!("CARGO_PKG_VERSION"), 1.0).await;
    let runs = report(&world, &[]);
    assert_eq!(severity(&runs, "scheduler"), "warning", "{runs}");
    assert!(message(&runs, "scheduler").contains("the oldest due notification is 1"));
    execute(&world, "UPDATE notifications SET status = 'processed'", &[]).await;
    assert_eq!(severity(&report(&world, &[]), "scheduler"), "ok");
}

#[tokio::test]
async fn doctor_warns_of_workers_of_another_version() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    heartbeat(&world, env!("CARGO_PKG_VERSION"), 1.0).await;
    heartbeat(&world, "0.0.1", 90.0).await;
    let same = report(&world, &[]);
    assert_eq!(
        severity(&same, "versions"),
        "ok",
        "one that has ended: {same}"
    );
    heartbeat(&world, "0.0.1", 5.0).await;
    let mixed = report(&world, &[]);
    assert_eq!(severity(&mixed, "versions"), "warning", "{mixed}");
    assert!(message(&mixed, "versions").contains("workers of 0.0.1 run"));
}

#[tokio::test]
async fn doctor_says_how_late_digests_are_that_nobody_closes() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let sql =
        "INSERT INTO digests (id, user_id, channel, category, key, closes_at, items, max_items)
               VALUES ($1, $2, 'sms', 'news', '', now() + interval '1 hour', 2, 1000)";
    let user = world.user.as_uuid();
    execute(&world, sql, &[&Uuid::now_v7(), &user]).await;
    let open = report(&world, &[]);
    assert_eq!(severity(&open, "digests"), "ok", "{open}");

    let sql = "UPDATE digests SET closes_at = now() - interval '2 minutes'";
    execute(&world, sql, &[]).await;
    let late = report(&world, &[]);
    assert_eq!(severity(&late, "digests"), "warning", "{late}");
    let message = message(&late, "digests");
    assert!(message.contains("is over is 1"), "{late}");
    let remedy = finding(&late, "digests")["remedy"].as_str();
    let stage = "a worker runs whose WORKER_CHANNELS contains `scheduler`";
    assert!(remedy.expect("a remedy").contains(stage), "{late}");

    execute(&world, "UPDATE digests SET status = 'empty'", &[]).await;
    let closed = report(&world, &[]);
    assert_eq!(severity(&closed, "digests"), "ok", "{closed}");
}
