//! Each alert has a section of the runbook and tests; the dashboard can be loaded. `./dev check` runs promtool.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::sources::root;

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<RuleTest>,
}

#[derive(Deserialize)]
struct RuleTest {
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<serde_json::Map<String, Value>>,
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a text file")
}

fn yaml<T: DeserializeOwned>(path: &str) -> T {
    serde_saphyr::from_str(&text(path)).expect("YAML of this form")
}

fn rules() -> Vec<Rule> {
    let file: RuleFile = yaml("deploy/prometheus/tidings.rules.yaml");
    file.groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect()
}

#[test]
fn each_alert_has_its_section_in_the_runbook() {
    let runbook = text("docs/RUNBOOK.md");
    let sections: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let rules = rules();
    let alerts: BTreeSet<&str> = rules.iter().map(|rule| &*rule.alert).collect();
    assert_eq!(sections, alerts);
    for Rule {
        alert,
        labels,
        annotations,
    } in &rules
    {
        let section = format!("docs/RUNBOOK.md#{}", alert.to_lowercase());
        assert_eq!(annotations["runbook"], section);
        assert!(annotations.contains_key("summary"), "{alert}");
        assert!(
            ["critical", "warning"].contains(&&*labels["severity"]),
            "{alert}"
        );
    }
}

#[test]
fn each_alert_is_tested_to_fire_and_not_to_fire() {
    let file: TestFile = yaml("deploy/prometheus/tidings.test.yaml");
    let mut cases = BTreeSet::new();
    for expectation in file.tests.iter().flat_map(|test| &test.alert_rule_test) {
        cases.insert((&*expectation.alertname, expectation.exp_alerts.is_empty()));
    }
    let rules = rules();
    let expected = rules
        .iter()
        .flat_map(|rule| [(&*rule.alert, false), (&*rule.alert, true)]);
    assert_eq!(cases, expected.collect());
}

#[test]
fn the_dashboard_of_grafana_uses_the_data_source_that_is_chosen() {
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/tidings.json")).expect("JSON");
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    assert_eq!(variables[0]["name"], "datasource");
    assert_eq!(variables[0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().expect("panels");
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    let mut queries = 0;
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        let place = &panel["gridPos"];
        assert!(
            places.insert((place["y"].as_u64(), place["x"].as_u64())),
            "{panel}"
        );
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            queries += 1;
        }
    }
    assert!(queries > 50, "{queries}");
}
