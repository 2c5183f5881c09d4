//! Prometheus beside the programs, as `./dev up --observe` starts it.

use reqwest::Url;
use serde_json::{Value, json};
use tidings_tests::{ObservedInstance, World, eventually_ok, secs};

/// What the API of Prometheus answers.
async fn get(instance: &ObservedInstance, path: &str, query: &[(&str, &str)]) -> Value {
    let url = format!("{}{path}", instance.url());
    let url = Url::parse_with_params(&url, query).expect("a URL");
    let answer = reqwest::get(url).await;
    answer.expect("an answer").json().await.expect("JSON")
}

/// The job and the health of each target, with the error of its last scrape.
async fn targets(instance: &ObservedInstance) -> Vec<[String; 3]> {
    let answer = get(instance, "/api/v1/targets", &[]).await;
    let targets = answer["data"]["activeTargets"].as_array().expect("a list");
    let of = |target: &Value| {
        [
            &target["labels"]["job"],
            &target["health"],
            &target["lastError"],
        ]
        .map(|value| value.as_str().expect("text").to_owned())
    };
    let mut targets: Vec<_> = targets.iter().map(of).collect();
    targets.sort_unstable();
    targets
}

/// Waits until an alert is pending or fires.
async fn until_alerting(instance: &ObservedInstance, name: &str) {
    eventually_ok(secs(60), name, async || {
        let rules = get(instance, "/api/v1/rules", &[("type", "alert")]).await;
        let groups = rules["data"]["groups"].as_array().expect("groups").iter();
        let mut rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        let alert = rules.find(|rule| rule["name"] == name).expect("the alert");
        match alert["state"].as_str() {
            Some("pending" | "firing") => Ok(()),
            state => Err(format!("{state:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn prometheus_scrapes_both_programs_and_evaluates_the_alerts() {
    let world = World::new().await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let instance = ObservedInstance::start(&api, &worker).await;
    let up = ["tidings-api", "tidings-worker"]
        .map(|job| [job.to_owned(), "up".to_owned(), String::new()]);
    eventually_ok(secs(60), "both are scraped", async || {
        let found = targets(&instance).await;
        if found == up {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
    // A series of each program, with the labels that the alerts expect.
    for (query, value) in [
        (r#"tidings_ready{job="tidings-api"}"#, "1"),
        (
            r#"tidings_broker_connected{job="tidings-worker", connection="consuming"}"#,
            "1",
        ),
    ] {
        let answer = get(&instance, "/api/v1/query", &[("query", query)]).await;
        let found = answer["data"]["result"].as_array().expect("a vector");
        let values: Vec<&Value> = found.iter().map(|series| &series["value"][1]).collect();
        assert_eq!(values, [&json!(value)], "{query}: {answer}");
    }

    worker.kill();
    until_alerting(&instance, "TidingsNotReady").await;
    let folder = instance.end().await;
    assert!(!folder.exists(), "its data are deleted");
    drop((api, worker, world));
}
