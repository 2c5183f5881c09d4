//! Requests that Schemathesis generates from the OpenAPI document: valid ones, invalid ones and sequences of them.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tidings_tests::{World, required, tokens};

/// The examples of the document, and each keyword of it at and beyond its limits.
#[tokio::test]
async fn the_api_answers_requests_at_the_limits_of_its_document_as_it_says() {
    of_each_operation("examples,coverage").await;
}

/// Requests that are drawn at random.
#[tokio::test]
async fn the_api_answers_random_requests_as_its_document_says() {
    of_each_operation("fuzzing").await;
}

/// Requests to each operation by itself.
async fn of_each_operation(phases: &str) {
    let report = run(phases).await;
    let operations = &report["operations"];
    assert_eq!(operations["tested"], operations["total"], "{operations}");
    let cases = &report["test_cases"];
    assert!(cases["generated"].as_u64() > Some(1000), "{cases}");
}

/// Requests that follow the links of the document from one operation to the next.
#[tokio::test]
async fn the_api_answers_sequences_of_requests_as_its_document_says() {
    let report = run("stateful").await;
    let cases = &report["test_cases"];
    assert!(cases["generated"].as_u64() > Some(100), "{cases}");
}

/// Runs some phases of Schemathesis against an installation of its own, and returns the report, which has no failures. There is
/// a test for each third, because one for all would be the last to end.
async fn run(phases: &str) -> Value {
    // Generated requests stop channels, and replay and purge the dead letters of everybody.
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let folder = tempfile::tempdir().expect("a folder");
    let [config, report] =
        ["schemathesis.toml", "report.json"].map(|name| folder.path().join(name));
    // So that requests reach the contacts of a user who exists.
    let parameters = format!(
        "[parameters]\nuserId = \"{}\"\n
         # The stream of a user who exists does not end.
         [[operations]]\ninclude-path = \"/api/inbox/stream\"\nparameters = {{ userId = \"{}\" }}\n",
        world.user,
        uuid::Uuid::now_v7(),
    );
    fs::write(&config, parameters).expect("a configuration");

    let output = Command::new(required("TIDINGS_TEST_SCHEMATHESIS"))
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&config)
        .args(["run", &api.client().url("/api/openapi.json")])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", tokens::service()),
        ])
        // One worker: several threads make Python's parser fail now and then. The seed makes every run the same.
        .args(["--workers", "1", "--seed", "1", "--max-examples", "12"])
        .args(["--phases", phases])
        // A document cannot state every rule: which addresses exist, which members exclude each other. And a notification
        // that was answered with 202 is there only once a worker has recorded it.
        .args([
            "--exclude-checks",
            "positive_data_acceptance,ensure_resource_availability",
        ])
        .args(["--report", "json", "--report-json-path"])
        .arg(&report)
        .output()
        .expect("Schemathesis runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    let report = fs::read(&report).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    let cases = &report["test_cases"];
    assert_eq!(cases["with_failures"], 0, "{cases}");
    report
}
