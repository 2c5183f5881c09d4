//! Every name of a metric is one that the programs export.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tidings_runtime::telemetry::metrics;

use crate::sources::{root, rust_files, without_tests};

/// What begins like a metric in the documents: a role of PostgreSQL and a crate.
const NO_METRICS: [&str; 2] = ["tidings_owner", "tidings_worker"];

fn words(text: &str) -> BTreeSet<&str> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.filter(|word| word.starts_with("tidings_")).collect()
}

/// The string literals of the code that are such a word and nothing else.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    let strings = code.split('"').filter(|text| text.starts_with("tidings_"));
    strings.filter(|text| words(text).contains(text))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(&folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|its| its == extension))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a text file")
}

#[test]
fn the_table_of_metrics_has_what_the_code_exports_and_nothing_else() {
    let mut exported = BTreeSet::new();
    for package in ["api", "worker", "common", "db/src", "doctor"] {
        let files = rust_files(&root().join(package)).into_iter();
        for path in files.filter(|path| !path.ends_with("tests.rs")) {
            let code = without_tests(&path);
            exported.extend(literals(&code).map(ToOwned::to_owned));
        }
    }
    let documented: BTreeSet<String> = metrics().map(|metric| metric.name.to_owned()).collect();
    // The table itself has no string literals with names.
    assert_eq!(exported, documented);
}

#[test]
fn alerts_and_the_dashboard_ask_for_exported_metrics() {
    let mut asked = 0;
    let folders = [("deploy/prometheus", "yaml"), ("deploy/grafana", "json")];
    for path in folders
        .map(|(folder, extension)| files(folder, extension))
        .concat()
    {
        let text = read(&path);
        let unknown: Vec<_> = words(&text)
            .into_iter()
            .filter(|name| !metrics().any(|metric| metric.has_series(name)))
            .collect();
        assert_eq!(unknown, [""; 0], "{}", path.display());
        asked += words(&text).len();
    }
    assert!(asked > 50, "{asked}");
}

#[test]
fn documents_name_exported_metrics() {
    let documents = [root().join("README.md"), root().join("CHANGELOG.md")];
    for path in documents.into_iter().chain(files("docs", "md")) {
        let text = read(&path);
        let is_known = |name: &str| {
            let mut all = metrics();
            all.any(|metric| metric.name == name || metric.has_series(name))
        };
        let unknown: Vec<_> = words(&text)
            .into_iter()
            .filter(|name| !is_known(name) && !NO_METRICS.contains(name))
            .collect();
        assert_eq!(unknown, [""; 0], "{}", path.display());
    }
}
