//! `tidings doctor` finds what is wrong, names a remedy that works, and changes nothing.

mod broker;
mod plaintext;
mod policies;
mod scheduler;
mod secret_keys;

use serde_json::Value;
use tidings_tests::World;

/// Runs `tidings doctor` with `more` settings. Returns its report.
pub(crate) fn report(world: &World, more: &[(&str, &str)]) -> Value {
    let output = world.tidings_with(more, &["--json", "doctor"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
    let failed = report["errors"] != 0;
    assert_eq!(output.status.code(), Some(i32::from(failed)), "{report}");
    assert!(!text.contains("hunter2"), "{text}");
    report
}

/// Returns the only finding of a check.
pub(crate) fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("findings");
    let mut found = findings.iter().filter(|finding| finding["check"] == check);
    let first = found.next();
    assert!(found.next().is_none(), "several findings {check}: {report}");
    first.unwrap_or_else(|| panic!("no finding {check}: {report}"))
}

/// Returns the severity of the only finding of a check.
pub(crate) fn severity(report: &Value, check: &str) -> String {
    let severity = finding(report, check)["severity"].as_str();
    severity.expect("a severity").to_owned()
}

/// Returns the commands in backticks of a finding's remedy.
pub(crate) fn commands(finding: &Value) -> Vec<String> {
    let remedy = finding["remedy"].as_str().expect("a remedy");
    let parts = remedy.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// Runs a command of the form `tidings …` that a remedy names.
fn follow(world: &World, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[0], "tidings", "{command}");
    let output = world.tidings(&words[1..]);
    assert!(output.status.success(), "{command}: {output:?}");
}

#[tokio::test]
async fn doctor_reports_no_problem_in_a_healthy_installation() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let report = report(&world, &[]);
    assert_eq!(report["errors"], 0, "{report}");
    for check in ["topology", "arguments", "policies", "dead-letters"] {
        assert_eq!(severity(&report, check), "ok");
    }
}

#[tokio::test]
async fn doctor_says_how_much_is_kept_and_when_retention_swept() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    assert_eq!(severity(&report(&world, &[]), "retention"), "warning");
    let swept = world.tidings(&["retention", "run"]);
    assert!(swept.status.success(), "{swept:?}");
    let report = report(&world, &[]);
    assert_eq!(severity(&report, "retention"), "ok");
    let message = finding(&report, "retention")["message"].as_str();
    let message = message.expect("a message");
    assert!(message.contains("there is no notification"), "{message}");
}

#[tokio::test]
async fn doctor_reports_a_database_that_cannot_be_reached() {
    let url = "postgres://nobody:hunter2@127.0.0.1:1/none";
    let away = World::with(&[("DATABASE_URL", url)]).await;
    let report = report(&away, &[]);
    assert_eq!(severity(&report, "postgresql"), "error");
}
