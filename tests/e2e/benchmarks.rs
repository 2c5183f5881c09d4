//! Short runs of the benchmarks of deliveries, of scheduled notifications and of inboxes. They check counts: rates and times
//! depend on the machine.

use std::process::{Command, Stdio};

use serde_json::Value;
use tidings_tests::{World, program_path};

/// Runs a measurement of `tidings-bench` on the servers of `world` and returns its results. The exit code is 1 if a
/// target is missed, as it is with a debug build.
fn measure(world: &World, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("results.json");
    let output = Command::new(program_path("tidings-bench"))
        .env_clear()
        .envs(world.settings(&[]))
        .current_dir(folder.path())
        .args(arguments)
        .arg("--json")
        .arg(&json)
        .arg("--logs")
        .arg(folder.path())
        .arg("--api")
        .arg(program_path("tidings-api"))
        .arg("--worker")
        .arg(program_path("tidings-worker"))
        .stdin(Stdio::null())
        .output()
        .expect("its output");
    let errors = String::from_utf8_lossy(&output.stderr);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{errors}\n{table}"
    );
    assert!(table.contains("TARGET"), "{errors}\n{table}");
    let results = std::fs::read(&json).unwrap_or_else(|error| panic!("{error}: {errors}"));
    serde_json::from_slice(&results).expect("JSON")
}

/// Checks that everything that was accepted arrived once and is recorded.
fn assert_complete(phase: &Value, count: u64) {
    for number in ["count", "arrived", "recorded"] {
        assert_eq!(phase[number], count, "{number}: {phase:#}");
    }
    for none in ["lost", "repeated", "foreign"] {
        assert_eq!(phase[none], 0, "{none}: {phase:#}");
    }
    // So few messages may share fewer transactions than the starts of the programs differ by.
    assert!(phase["transactions_each"].is_number(), "{phase:#}");
}

#[tokio::test]
async fn a_delivery_measurement_counts_every_webhook_once() {
    assert_every_message_is_delivered_once("webhook").await;
}

#[tokio::test]
async fn a_delivery_measurement_counts_every_email_once() {
    assert_every_message_is_delivered_once("email").await;
}

async fn assert_every_message_is_delivered_once(channel: &str) {
    let world = World::new().await;
    let few = [
        "--rounds", "1", "--count", "200", "--quiet", "5", "--idle", "1",
    ];
    let results = measure(
        &world,
        &[&["delivery", "--channel", channel][..], &few].concat(),
    );
    assert_eq!(results["channel"], channel);
    let round = &results["rounds"][0];
    assert_complete(&round["full_queue"], 200);
    assert_complete(&round["load"], 200);
    assert_eq!(results["wrong"], 0, "{results:#}");
    for part in ["consume", "send", "update"] {
        assert!(round["parts"][part].is_number(), "{part}: {results:#}");
    }
    assert!(round["quiet_ms"]["p50"].is_number(), "{results:#}");
    for program in ["api", "worker"] {
        assert!(results["peak_mib"][program].is_number(), "{results:#}");
    }
}

#[tokio::test]
async fn webhooks_to_hanging_destinations_are_not_expected() {
    let world = World::new().await;
    let few = ["--rounds", "1", "--count", "60", "--destinations", "30"];
    let results = measure(
        &world,
        &[&["destinations", "--hang-every", "15"][..], &few].concat(),
    );
    let round = &results["rounds"][0];
    for (run, expected) in [("none_hangs", 60), ("some_hang", 56)] {
        for (number, value) in [
            ("accepted", 60),
            ("expected", expected),
            ("arrived", expected),
            ("recorded", expected),
            ("repeated", 0),
        ] {
            assert_eq!(round[run][number], value, "{run}, {number}: {results:#}");
        }
    }
    assert_eq!(
        (&results["hanging"], &results["wrong"]),
        (&2.into(), &0.into())
    );
    assert!(results["kept"].is_number(), "{results:#}");
}

#[tokio::test]
async fn a_schedule_measurement_counts_every_notification_once_and_none_early() {
    let world = World::new().await;
    let few = [
        "--rounds",
        "1",
        "--count",
        "60",
        "--singles",
        "2",
        "--ahead",
        "4",
    ];
    let results = measure(&world, &[&["schedule"][..], &few].concat());
    let round = &results["rounds"][0];
    for (phase, count) in [("due_at_once", 60), ("single", 2)] {
        assert_eq!(round[phase]["count"], count, "{phase}: {results:#}");
        assert_eq!(round[phase]["recorded"], count, "{phase}: {results:#}");
        for none in ["early", "lost", "repeated", "foreign"] {
            assert_eq!(round[phase][none], 0, "{phase}, {none}: {results:#}");
        }
        for lateness in ["in_app_ms", "webhook_ms", "webhook_processed_ms", "all_ms"] {
            let p99 = &round[phase][lateness]["p99"];
            assert!(p99.is_number(), "{phase}, {lateness}: {results:#}");
        }
    }
    for (phase, number) in [
        ("release", "count"),
        ("release", "released"),
        ("release", "recorded"),
        ("without_broker", "count"),
        ("without_broker", "accepted"),
        ("without_broker", "recorded"),
    ] {
        assert_eq!(round[phase][number], 60, "{phase}, {number}: {results:#}");
    }
    assert_eq!(results["wrong"], 0, "{results:#}");
}

/// Without the comparison of the intake, whose result is a rate.
#[tokio::test]
async fn an_inbox_measurement_counts_every_event_of_its_streams() {
    let world = World::new().await;
    let worker = program_path("tidings-worker");
    let worker = worker.to_str().expect("UTF-8");
    let arguments = ["inbox", "--rounds", "0", "--worker-before", worker];
    let streams = ["--streams", "20", "--quiet-secs", "0"];
    let load = ["--rate", "60", "--posting-secs", "1"];
    let reads = ["--rows", "1000", "--reads", "8"];
    let results = measure(&world, &[&arguments[..], &streams, &load, &reads].concat());
    for (number, value) in [
        ("streams", 20),
        ("posted", 60),
        ("arrived", 60),
        ("lost", 0),
        ("resets", 0),
        ("ended", 0),
    ] {
        assert_eq!(results["live"][number], value, "{number}: {results:#}");
    }
    let reads = results["reading"]["reads_ms"].as_object();
    let reads = reads.expect("an object").values();
    assert_eq!(reads.filter(|ms| ms["p99"].is_number()).count(), 6);
}
