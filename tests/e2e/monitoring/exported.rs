//! `/metrics` of both programs, on a port of their own.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::json;
use tidings_db::overview::oldest_waiting_by_channel;
use tidings_domain::notification::Channel;
use tidings_runtime::telemetry::metrics;
use tidings_settings::ProgramName;
use tidings_tests::{Program, ProgramKind, World, eventually_ok, secs};

use crate::audit::execute;

/// The metrics that both programs export once a notification was delivered.
const BOTH: [&str; 14] = [
    "tidings_backlog_oldest_seconds",
    "tidings_broker_blocked",
    "tidings_broker_connected",
    "tidings_broker_reconnects_total",
    "tidings_build_info",
    "tidings_db_pool_connections",
    "tidings_db_pool_wait_seconds",
    "tidings_dead_letters",
    "tidings_delivery_lag_seconds",
    "tidings_intake_lag_seconds",
    "tidings_jobs_without_progress",
    "tidings_publish_confirm_duration_seconds",
    "tidings_ready",
    OVERDUE,
];

const API: [&str; 4] = [
    "tidings_accept_seconds",
    "tidings_queue_consumers",
    "tidings_queue_depth",
    "tidings_queue_limit_messages",
];

const WORKER: [&str; 6] = [
    "tidings_delivery_attempts_total",
    "tidings_provider_credentials_refused",
    "tidings_replay_messages_total",
    "tidings_sends_in_flight",
    "tidings_sends_in_flight_limit",
    "tidings_template_render_seconds",
];

const OVERDUE: &str = "tidings_scheduler_overdue_seconds";

/// The samples of a scrape: a line without its value, and the value.
type Samples = BTreeMap<String, f64>;

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().expect("a number")))
        })
        .collect()
}

/// Checks the types, the labels and the help texts of everything that a program exports. Returns the names.
fn check_table(text: &str, program: ProgramName) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: BTreeMap<&str, &str> = types.filter_map(|line| line.split_once(' ')).collect();
    for (name, kind) in &families {
        let metric = metrics().find(|metric| metric.name == *name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(metric.kind.as_str(), *kind, "{name}");
        assert!(metric.exported_by.contains(&program), "{name}: {program}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        let series = text.lines().filter(|line| {
            let its_name = line.split(['{', ' ']).next().unwrap_or_default();
            metric.has_series(its_name)
        });
        for line in series {
            let labels = line
                .split_once('{')
                .and_then(|(_, rest)| rest.rsplit_once('}'));
            let labels = labels.map_or("", |(labels, _)| labels).split("\",");
            let labels = labels.filter_map(|label| label.split_once("=\""));
            let labels = labels.map(|(name, _)| name).filter(|name| *name != "le");
            let labels: BTreeSet<&str> = labels.collect();
            let expected: BTreeSet<&str> = metric.labels.iter().copied().collect();
            assert_eq!(labels, expected, "{line}");
        }
    }
    families.into_keys().collect()
}

/// Reads the metrics from their own port.
async fn scrape(program: &Program) -> String {
    let entries = program
        .logs()
        .with_message("metrics have a port of their own");
    let port = entries[0]["metricsPort"].as_u64().expect("a port");
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.expect("text")
}

async fn start(world: &World, kind: ProgramKind) -> Program {
    let program = world.start(kind, &[("METRICS_PORT", "0")]).await;
    let client = program.client().anonymous();
    assert_eq!(client.get("/metrics").await.status, 404);
    eventually_ok(secs(30), "the program is healthy", async || {
        let answer = client.get("/health").await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text)
        }
    })
    .await;
    program
}

/// Waits until the API, without a worker, exports that a notification is overdue and that a job does not go on.
async fn until_waiting_for_a_scheduler(api: &Program) {
    eventually_ok(secs(60), "what waits is exported", async || {
        let text = scrape(api).await;
        let samples = samples(&text);
        let jobs = samples.get(r#"tidings_jobs_without_progress{cause="no_process"}"#);
        let overdue = samples.get(OVERDUE).copied().unwrap_or_default();
        if jobs == Some(&1.0) && (600.0..1200.0).contains(&overdue) {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
}

#[tokio::test]
async fn after_a_delivery_both_programs_export_everything_on_a_port_of_its_own() {
    let stages = "intake,events,scheduler,email,sms,push,webhook";
    let world = World::with(&[("WORKER_CHANNELS", stages), ("QUEUE_MAX_LENGTH", "1234")]).await;
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, failure_reason, failed_at)
         SELECT gen_random_uuid(), gen_random_uuid(), '{user}', 'email', 'failed', '{{}}', now(), 'rejected_by_provider', now()
         FROM generate_series(1, 3);
         INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, deferred_since)
         VALUES ('00000000-0000-7000-8000-000000000001', gen_random_uuid(), '{user}', 'email', 'pending', '{{}}',
                 now() - interval '10 minutes', NULL),
                ('00000000-0000-7000-8000-000000000002', gen_random_uuid(), '{user}', 'webhook', 'pending', '{{}}',
                 now() - interval '20 minutes', now()),
                ('00000000-0000-7000-8000-000000000003', gen_random_uuid(), '{user}', 'sms', 'retrying', '{{}}',
                 now() - interval '30 minutes', NULL);
         INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, not_before)
         VALUES (gen_random_uuid(), gen_random_uuid(), '{user}', 'in-app', 'scheduled', '{{}}', now() - interval '1 hour',
                 now() - interval '10 minutes');
         INSERT INTO replay_jobs (id, kind, filter, figures, rate_per_second, total, created_by, created_at)
         VALUES (gen_random_uuid(), 'replay', '{{\"reason\": \"none\"}}', '{{}}', 1, 0, 'anna', now() - interval '2 minutes')",
        user = world.user
    );
    execute(&world.database.pool, &sql).await.expect("rows");
    let waiting = world
        .database
        .pool
        .run(async |client| oldest_waiting_by_channel(client, &["push"]).await)
        .await
        .expect("an answer");
    assert!(
        matches!(&*waiting, [(Channel::Email, age)] if *age >= secs(600)),
        "neither retries nor what waits for a destination: {waiting:?}"
    );

    let api = start(&world, ProgramKind::Api).await;
    until_waiting_for_a_scheduler(&api).await;
    let worker = start(&world, ProgramKind::Worker).await;
    let sms = json!({"targetUserId": world.user, "type": "sms",
                     "payload": {"text": "Your order has shipped!", "to": "+4915112345678"}});
    let _ = api.client().post(&sms).await.accepted();
    let (from_api, from_worker) = eventually_ok(secs(60), "everything is exported", async || {
        let (from_api, from_worker) = (scrape(&api).await, scrape(&worker).await);
        let (of_api, of_worker) = (samples(&from_api), samples(&from_worker));
        let consumers = of_api.get(r#"tidings_queue_consumers{queue="sms"}"#);
        let delivered = r#"tidings_delivery_lag_seconds_count{channel="sms"}"#;
        let known = r#"tidings_dead_letters{reason="rejected_by_provider",channel="email"}"#;
        if consumers.is_some_and(|count| *count > 0.0)
            && of_worker.get(delivered) == Some(&1.0)
            && of_api.get(OVERDUE) == Some(&0.0)
            && [&of_api, &of_worker]
                .iter()
                .all(|all| all.get(known) == Some(&3.0))
        {
            Ok((from_api, from_worker))
        } else {
            Err(from_worker)
        }
    })
    .await;
    for (text, program, own) in [
        (&from_api, ProgramName::Api, &API[..]),
        (&from_worker, ProgramName::Worker, &WORKER[..]),
    ] {
        let names = check_table(text, program);
        for name in BOTH.iter().chain(own) {
            assert!(names.contains(name), "{program}: {name}\n{text}");
        }
    }
    assert_values(&samples(&from_api), &samples(&from_worker));
    drop((api, worker));
    drop(world);
}

fn assert_values(of_api: &BTreeMap<String, f64>, of_worker: &BTreeMap<String, f64>) {
    for (samples, series, value) in [
        (of_api, r"tidings_ready", 1.0),
        (
            of_api,
            r#"tidings_broker_connected{connection="publishing"}"#,
            1.0,
        ),
        (
            of_api,
            r#"tidings_queue_limit_messages{queue="sms"}"#,
            1234.0,
        ),
        (
            of_api,
            r#"tidings_backlog_oldest_seconds{channel="sms"}"#,
            0.0,
        ),
        (of_api, "tidings_accept_seconds_count", 1.0),
        (of_worker, r"tidings_ready", 1.0),
        (
            of_worker,
            r#"tidings_broker_connected{connection="consuming"}"#,
            1.0,
        ),
        (of_worker, "tidings_intake_lag_seconds_count", 1.0),
        (
            of_worker,
            r#"tidings_intake_lag_seconds_bucket{le="21600"}"#,
            1.0,
        ),
        (of_worker, r#"tidings_sends_in_flight{channel="sms"}"#, 0.0),
        (
            of_worker,
            r#"tidings_jobs_without_progress{cause="error"}"#,
            0.0,
        ),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
    let backlog = of_api.get(r#"tidings_backlog_oldest_seconds{channel="email"}"#);
    assert!(backlog.is_some_and(|age| *age >= 600.0), "{backlog:?}");
    let open = of_worker
        .iter()
        .filter(|(name, _)| name.starts_with("tidings_db_pool_connections"));
    assert!(open.map(|(_, count)| count).sum::<f64>() >= 1.0);
}
