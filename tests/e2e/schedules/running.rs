use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidings_tests::{
    Client, MockHttpServer, Program, ProgramKind, Response, World, eventually, secs,
};

use super::{change_one, create};

const ALL_STAGES: (&str, &str) = ("WORKER_CHANNELS", "intake,scheduler,webhook");

async fn world() -> (MockHttpServer, World) {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("SCHEDULER_POLL_MS", "100"),
        ALL_STAGES,
    ])
    .await;
    (receiver, world)
}

fn webhook(receiver: &MockHttpServer) -> Value {
    let payload = json!({"to": receiver.url("/hook"), "event": "report.due", "data": {}});
    json!({"type": "webhook", "payload": payload})
}

/// Changes a schedule behind the back of the API: to wait for an occurrence would take a minute.
async fn update(world: &World, schedule: &Value, changes: &str) {
    let id = schedule["id"].as_str().expect("an id");
    change_one(
        world,
        &format!("UPDATE schedules SET {changes} WHERE id = '{id}'"),
    )
    .await;
}

/// Waits until the schedule at `path` satisfies the condition.
async fn until(
    client: &Client,
    path: &str,
    what: &str,
    condition: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = Value::Null;
    eventually(secs(20), what, async || {
        last = client.get(path).await.body;
        condition(&last)
    })
    .await;
    last
}

#[tokio::test]
async fn each_occurrence_is_sent_once() {
    let (receiver, world) = world().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let (sent_path, sent) = create(&client, world.user, &webhook(&receiver)).await;
    let (shown_path, shown) = create(&client, world.user, &json!({})).await;
    for schedule in [&sent, &shown] {
        update(&world, schedule, "next_at = date_trunc('minute', now())").await;
    }
    for path in [&sent_path, &shown_path] {
        let ran = until(&client, path, "it has run", |one| !one["lastAt"].is_null()).await;
        assert_eq!(
            (&ran["skipped"], &ran["paused"]),
            (&json!(0), &json!(false))
        );
        let id = ran["lastMessageId"].as_str().expect("an id");
        let id = id.parse().expect("a UUID");
        world.until_status(id, "processed").await;
        let found = client.get(&format!("/api/notifications/{id}")).await;
        assert_eq!(found.body["decision"]["outcome"], "send");
        assert_eq!(found.body["payload"], ran["payload"]);
    }
    assert_eq!(receiver.count(), 1);
    assert_eq!(world.database.count("sender IS NOT NULL").await, 2);
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_schedules_runs_total", &[]), 2);
    assert_eq!(metrics.sum("tidings_schedules_failed_total", &[]), 0);
}

/// No scheduler runs for three hours.
#[tokio::test]
async fn after_an_outage_a_schedule_runs_late_within_its_grace_or_not_at_all() {
    let (receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let then = Timestamp::now() - SignedDuration::from_hours(3);
    let local = then.to_string();
    let (hour, minute) = (&local[11..13], &local[14..16]);
    let mut schedules = Vec::new();
    for grace in [3600, 4 * 3600] {
        let mut more = webhook(&receiver);
        more["cron"] = json!(format!("{minute} {hour} * * *"));
        more["timezone"] = json!("UTC");
        more["graceSecs"] = json!(grace);
        let (path, schedule) = create(&client, world.user, &more).await;
        let occurrence = "next_at = next_at - interval '1 day'";
        update(&world, &schedule, occurrence).await;
        schedules.push((path, schedule));
    }
    let worker = world.worker().await;
    let [(short, due), (long, _)] = &schedules[..] else {
        panic!("two schedules");
    };
    let skipped = until(&client, short, "it is skipped", |one| one["skipped"] == 1).await;
    assert_eq!(skipped["lastAt"], Value::Null);
    assert_eq!(skipped["nextAt"], due["nextAt"], "tomorrow");
    let ran = until(&client, long, "it has run", |one| !one["lastAt"].is_null()).await;
    assert_eq!(ran["skipped"], 0);
    let id = ran["lastMessageId"].as_str().expect("an id");
    world
        .until_status(id.parse().expect("a UUID"), "processed")
        .await;
    assert_eq!(
        (receiver.count(), world.database.count("true").await),
        (1, 1)
    );
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_schedules_skipped_total", &[]), 1);
}

async fn scheduler(world: &World) -> Program {
    let stages = [("WORKER_CHANNELS", "scheduler")];
    world.start(ProgramKind::Worker, &stages).await
}

/// The tick has created notifications and waits in the middle; its transaction makes it all or nothing.
#[tokio::test]
async fn a_scheduler_that_is_killed_in_the_middle_has_run_nothing() {
    let (_receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let blocked = world.database.user().await;
    let mut paths = Vec::new();
    for user in [world.user, blocked, world.user] {
        let (path, schedule) = create(&client, user, &json!({})).await;
        update(&world, &schedule, "next_at = date_trunc('minute', now())").await;
        paths.push(path);
    }
    let mut locking = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let lock = locking.transaction().await.expect("a transaction");
    let sql = format!("SELECT FROM users WHERE id = '{blocked}' FOR UPDATE");
    lock.query_one(&sql, &[]).await.expect("the lock");
    let mut killed = scheduler(&world).await;
    eventually(secs(20), "the tick waits for the user", async || {
        world.database.connections("wait_event_type = 'Lock'").await == 1
    })
    .await;
    killed.kill();
    lock.rollback().await.expect("rolled back");
    eventually(secs(20), "PostgreSQL has noticed", async || {
        let worker = "application_name = 'tidings-worker'";
        world.database.connections(worker).await == 0
    })
    .await;
    assert_eq!(world.database.count("true").await, 0);
    for path in &paths {
        assert_eq!(client.get(path).await.body["lastAt"], Value::Null);
    }
    let _scheduler = scheduler(&world).await;
    for path in &paths {
        until(&client, path, "it has run", |one| !one["lastAt"].is_null()).await;
    }
    assert_eq!(world.database.count("status = 'processed'").await, 3);
}

#[tokio::test]
async fn a_schedule_that_fails_says_why_and_doctor_names_it() {
    let (_receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let gone = world.database.user().await;
    let (path, failing) = create(&client, gone, &json!({})).await;
    let (neighbour_path, neighbour) = create(&client, world.user, &json!({})).await;
    change_one(&world, &format!("DELETE FROM users WHERE id = '{gone}'")).await;
    for schedule in [&failing, &neighbour] {
        update(&world, schedule, "next_at = date_trunc('minute', now())").await;
    }
    let worker = scheduler(&world).await;
    let failed = until(&client, &path, "it is paused", |one| one["paused"] == true).await;
    let reason = "unknown_user: the target user does not exist any more";
    assert_eq!(failed["reason"], reason);
    assert_eq!(
        (&failed["nextAt"], &failed["skipped"]),
        (&Value::Null, &json!(1))
    );
    until(&client, &neighbour_path, "it has run", |one| {
        !one["lastAt"].is_null()
    })
    .await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_schedules_failed_total", &[]), 1);
    worker.logs().lines().iter().for_each(|line| {
        assert!(!line.contains("Your report"), "{line}");
    });
    let _ = world.declared(&[]).await;
    let report = crate::doctor::report(&world, &[]);
    let finding = crate::doctor::finding(&report, "schedules");
    assert_eq!(finding["severity"], "warning");
    let message = finding["message"].as_str().expect("a message");
    let id = failing["id"].as_str().expect("an id");
    assert!(
        message.contains(id) && message.contains(reason),
        "{message}"
    );
    assert_eq!(super::delete(&client, &path).await.status, 204);
    let report = crate::doctor::report(&world, &[]);
    assert_eq!(crate::doctor::severity(&report, "schedules"), "ok");
}
