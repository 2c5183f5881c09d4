//! A short run of `./dev chaos`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tidings_tests::required;
use uuid::Uuid;

/// The seed of the schedule. With this one, an API, the broker, a worker, a scheduler and PostgreSQL are killed, PostgreSQL's
/// clock steps by more than any lease lasts, a network link fails, and the broker and a worker are frozen.
const SEED: u64 = 14_504;

#[test]
fn three_minutes_of_faults_lose_and_duplicate_nothing() {
    let dir = Path::new(&required("TIDINGS_TEST_PRIVATE_DIR"))
        .join(format!("chaos-{}", Uuid::new_v4().simple()));
    let json = std::env::temp_dir().join(format!("tidings-chaos-{}.json", Uuid::new_v4()));
    let output = Command::new(required("TIDINGS_DEV"))
        .env("TIDINGS_DEV_DIR", &dir)
        .env("TIDINGS_BIN_DIR", required("TIDINGS_TEST_BIN_DIR"))
        .args(["chaos", "--minutes", "3", "--seed", &SEED.to_string()])
        // A low rate, because other tests run at the same time.
        .args(["--rate", "50", "--readers", "20"])
        .args(["--max-gap", "60", "--json"])
        .arg(&json)
        .stdin(Stdio::null())
        .output()
        .expect("./dev runs");
    let log = String::from_utf8_lossy(&output.stderr);
    let table = String::from_utf8_lossy(&output.stdout);
    let file = std::fs::read_to_string(&json);
    // Also if the run has failed.
    let _ = std::fs::remove_file(&json);
    let result: Value = serde_json::from_str(&file.unwrap_or_default()).unwrap_or_default();
    assert!(output.status.success(), "{log}\n{table}\n{result:#}");

    for none in [
        "lost",
        "doubled",
        "foreign",
        "dead_letters",
        "too_many_copies",
        "wrong_ends",
        "sent_after_cancel",
        "sent_early",
        "sent_after_expiry",
        "sent_after_opt_out",
        "sent_in_quiet",
        "held_wrongly",
        "sent_without_attempt",
        "unseen",
        "shown_wrongly",
        "shown_after_expiry",
        "marked_wrongly",
        "wrong_counts",
    ] {
        assert_eq!(result[none], Value::from(0), "{none}: {result:#}");
    }
    let number = |name: &str| result[name].as_u64().unwrap_or_default();
    assert!(number("accepted") > 1000, "{result:#}");
    assert!(number("recorded") >= number("accepted"), "{result:#}");
    let faults = result["faults"].as_object().expect("faults");
    for kind in ["kill_api", "kill_rabbitmq", "kill_scheduler", "clock_steps"] {
        assert!(faults.contains_key(kind), "{log}\n{result:#}");
    }
    assert!(number("scheduled") > 300, "{result:#}");
    for some in [
        "cancels_never_sent",
        "cancelled_by_group",
        "expired",
        "suppressed",
        "held_and_sent",
        "in_inboxes",
        "streams_resumed",
    ] {
        assert!(number(some) > 0, "{some}: {result:#}");
    }
    for member in ["refused", "longest_gap_s", "seconds_to_heal", "latest_s"] {
        assert!(result[member].is_number(), "{member}: {result:#}");
    }
    assert!(result["longest_gap_by_hurt_s"].is_object(), "{result:#}");
    assert_eq!((number("seed"), number("minutes")), (SEED, 3));
}
