//! SIGTERM under load loses no message and aborts no request.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use rstest::rstest;
use tidings_tests::{Client, Program, ProgramKind, World, eventually, eventually_ok, secs};
use uuid::Uuid;

/// A request that was accepted.
struct AcceptedRequest {
    id: Uuid,
    began: Instant,
    answered: Instant,
}

/// Posts until connections are refused. Every request that was sent must get a response.
async fn post_until_refused(
    client: Client,
    body: serde_json::Value,
    count: &AtomicUsize,
) -> Vec<AcceptedRequest> {
    let mut accepted = Vec::new();
    loop {
        let began = Instant::now();
        match client.try_post(&body).await {
            Ok(answer) if answer.status == 202 => {
                count.fetch_add(1, Ordering::Relaxed);
                accepted.push(AcceptedRequest {
                    id: answer.accepted().as_uuid(),
                    began,
                    answered: Instant::now(),
                });
            }
            Ok(answer) => answer.assert_error_shape(),
            Err(error) if error.is_connect() => return accepted,
            Err(error) => panic!("a request was cut off: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_stops_under_load_without_aborting_a_request() {
    let world = World::new().await;
    let mut api = world.api().await;
    let count = AtomicUsize::new(0);
    let posting =
        join_all((0..16).map(|_| post_until_refused(api.client(), world.in_app(), &count)));
    let leaving = async {
        eventually(secs(30), "there is load", async || {
            count.load(Ordering::Relaxed) > 500
        })
        .await;
        let sent = Instant::now();
        api.sigterm();
        sent
    };
    let (accepted, sigterm) = tokio::join!(posting, leaving);
    let status = api.exit_within(secs(30)).await;
    assert_eq!(status.code(), Some(0));
    let accepted: Vec<AcceptedRequest> = accepted.into_iter().flatten().collect();
    let in_flight = |one: &&AcceptedRequest| one.began < sigterm && one.answered > sigterm;
    let in_flight = accepted.iter().filter(in_flight).count();
    assert!(in_flight > 0, "no request was in flight at SIGTERM");
    let accepted: BTreeSet<Uuid> = accepted.iter().map(|one| one.id).collect();

    let _worker = world.worker().await;
    eventually_ok(secs(60), "every 202 is recorded", async || {
        let recorded: BTreeSet<Uuid> = world.database.message_ids().await.into_iter().collect();
        match accepted.difference(&recorded).count() {
            0 => Ok(()),
            missing => Err(format!("{missing} are missing")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_stops_under_load_and_another_continues_where_it_stopped() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let all: Vec<_> = (0..8000).map(|_| world.wire()).collect();
    for part in all.chunks(1000) {
        amqp.publish_all(part.iter().map(|one| amqp.intake_of(one)))
            .await;
    }
    let mut worker = Program::start(ProgramKind::Worker, world.settings(&[])).await;
    eventually(secs(30), "the worker records", async || {
        world.database.count("true").await > 0
    })
    .await;
    worker.stop().await;
    let recorded = world.database.count("true").await;
    assert!(recorded < 8000, "nothing was left to do at SIGTERM");
    eventually_ok(
        secs(10),
        "what is recorded is acknowledged",
        async || match (recorded, amqp.intake_depth().await) {
            (recorded, waiting) if recorded + i64::from(waiting) == 8000 => Ok(()),
            (recorded, waiting) => Err(format!("{recorded} recorded, {waiting} waiting")),
        },
    )
    .await;

    let mut worker = world.worker().await;
    eventually_ok(secs(60), "all are recorded", async || {
        match world.database.count("status = 'processed'").await {
            8000 => Ok(()),
            n => Err(format!("{n} recorded")),
        }
    })
    .await;
    let scrape = worker.metrics().await;
    assert_eq!(
        scrape.sum("tidings_intake_duplicates_total", &[]),
        0,
        "what was recorded was acknowledged"
    );
    worker.stop().await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

/// A transaction that blocks every query on the notifications until it is dropped.
struct Lock(tidings_db::DedicatedClient);

impl Lock {
    async fn take(world: &World) -> Self {
        let client = world
            .database
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        let lock = "BEGIN; LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await.expect("a lock");
        Self(client)
    }

    /// Waits until another transaction waits for the lock.
    async fn until_wanted(&self) {
        let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
                       (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually(secs(20), "a transaction waits for the lock", async || {
            let waiting: i64 = self.0.query_one(sql, &[]).await.expect("locks").get(0);
            waiting > 0
        })
        .await;
    }

    async fn release(self) {
        self.0.batch_execute("COMMIT").await.expect("committed");
    }
}

/// Starts a program of `kind` and blocks it in a query until the lock is released.
async fn start_blocked(world: &World, kind: ProgramKind, more: &[(&str, &str)]) -> (Program, Lock) {
    let mut settings = vec![("DATABASE_STATEMENT_TIMEOUT_MS", "60000")];
    settings.extend(more);
    let program = world.start(kind, &settings).await;
    let lock = Lock::take(world).await;
    match kind {
        ProgramKind::Worker => {
            let amqp = world.amqp().await;
            amqp.publish(amqp.intake_of(&world.wire())).await;
        }
        ProgramKind::Api => {
            let client = program.client();
            tokio::spawn(async move { client.try_get("/api/notifications").await });
        }
    }
    lock.until_wanted().await;
    (program, lock)
}

#[rstest]
#[case(ProgramKind::Api)]
#[case(ProgramKind::Worker)]
#[tokio::test]
async fn work_in_flight_is_finished_before_a_program_stops(#[case] kind: ProgramKind) {
    let world = World::new().await;
    let (mut program, lock) = start_blocked(&world, kind, &[]).await;
    program.sigterm();
    eventually(secs(10), "the program is leaving", async || {
        let stopping = |entry: &serde_json::Value| entry["signal"] == "SIGTERM";
        program.logs().entries().iter().any(stopping)
    })
    .await;
    lock.release().await;
    let status = program.exit_within(secs(20)).await;
    assert_eq!(status.code(), Some(0));
    if kind == ProgramKind::Worker {
        assert_eq!(world.database.count("status = 'processed'").await, 1);
        assert_eq!(world.amqp().await.intake_depth().await, 0);
    }
}

#[rstest]
#[case(ProgramKind::Api)]
#[case(ProgramKind::Worker)]
#[tokio::test]
async fn a_second_signal_stops_a_program_at_once_with_exit_code_1(#[case] kind: ProgramKind) {
    let world = World::new().await;
    let (mut program, _lock) = start_blocked(&world, kind, &[]).await;
    program.sigterm();
    eventually(secs(10), "the first signal is seen", async || {
        let stopping = |entry: &serde_json::Value| entry["signal"] == "SIGTERM";
        program.logs().entries().iter().any(stopping)
    })
    .await;
    program.sigterm();
    let status = program.exit_within(secs(20)).await;
    assert_eq!(status.code(), Some(1));
}

#[rstest]
#[case(ProgramKind::Api)]
#[case(ProgramKind::Worker)]
#[tokio::test]
async fn the_shutdown_deadline_stops_a_program_with_exit_code_1(#[case] kind: ProgramKind) {
    let world = World::new().await;
    let (mut program, _lock) = start_blocked(&world, kind, &[("SHUTDOWN_TIMEOUT_SECS", "1")]).await;
    program.sigterm();
    let status = program.exit_within(secs(20)).await;
    assert_eq!(status.code(), Some(1));
}
