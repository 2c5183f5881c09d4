//! Prometheus beside the programs, as `./dev up --observe` starts it.

use serde_json::Value;
use tidings_tests::{ObservedInstance, eventually_ok, secs};

/// Nothing else of the instance runs, so the alert about programs that do not answer is pending.
#[tokio::test]
async fn prometheus_scrapes_both_programs_and_evaluates_the_alerts() {
    let instance = ObservedInstance::start().await;
    let get = async |path: &str| -> Value {
        let answer = reqwest::get(format!("{}{path}", instance.url())).await;
        answer.expect("an answer").json().await.expect("JSON")
    };
    eventually_ok(secs(60), "the alert is evaluated", async || {
        let rules = get("/api/v1/rules?type=alert").await;
        let groups = rules["data"]["groups"].as_array().expect("groups").iter();
        let mut rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        let alert = rules.find(|rule| rule["name"] == "TidingsNotReady");
        match alert.expect("the alert")["state"].as_str() {
            Some("pending" | "firing") => Ok(()),
            state => Err(format!("{state:?}")),
        }
    })
    .await;
    let targets = get("/api/v1/targets").await;
    let targets = targets["data"]["activeTargets"]
        .as_array()
        .expect("a list")
        .iter();
    let mut jobs: Vec<&str> = targets
        .map(|target| target["labels"]["job"].as_str().expect("a name"))
        .collect();
    jobs.sort_unstable();
    assert_eq!(jobs, ["tidings-api", "tidings-worker"]);

    let folder = instance.end().await;
    assert!(!folder.exists(), "its data are deleted");
}
