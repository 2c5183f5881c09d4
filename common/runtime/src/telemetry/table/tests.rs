use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::*;

const FILE: &str = "docs/METRICS.md";
const BEGIN: &str = "<!-- Generated: UPDATE=1 cargo test -p tidings-runtime generated -->\n";

fn page() -> String {
    let mut text = BEGIN.to_owned();
    for group in METRIC_GROUPS {
        let _ = write!(
            text,
            "\n## {}\n\n| Metric | Type | Labels | Exported by | Meaning |\n| --- | --- | --- | --- | --- |\n",
            group.title
        );
        for metric in group.metrics {
            let labels: Vec<String> = metric.labels.iter().map(|one| format!("`{one}`")).collect();
            let programs: Vec<&str> = metric.exported_by.iter().map(ProgramName::as_str).collect();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                metric.name,
                metric.kind.as_str(),
                labels.join(", "),
                programs.join(", "),
                metric.meaning()
            );
        }
    }
    text
}

#[test]
fn generated_page_of_metrics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(FILE);
    let file = std::fs::read_to_string(&path).expect("a text file");
    let (introduction, _) = file.split_once(BEGIN).expect("the generated part");
    let text = format!("{introduction}{}", page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("written");
        return;
    }
    assert!(
        file == text,
        "{FILE} differs from the table of metrics: UPDATE=1 cargo test -p tidings-runtime generated"
    );
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let names: BTreeSet<&str> = metrics().map(|metric| metric.name).collect();
    assert_eq!(names.len(), metrics().count(), "each name once");
    for metric in metrics() {
        let name = metric.name;
        assert!(name.starts_with("tidings_"), "{name}");
        let is_total = name.ends_with("_total");
        assert_eq!(metric.kind == MetricKind::Counter, is_total, "{name}");
        // The suffix selects the bounds of the buckets.
        let has_bounds = name.ends_with("_seconds") || name.ends_with("_size");
        assert!(metric.kind != MetricKind::Histogram || has_bounds, "{name}");
    }
}

#[test]
fn a_histogram_has_other_names_in_prometheus() {
    let named = |name| {
        metrics()
            .filter(move |metric| metric.has_series(name))
            .count()
    };
    assert_eq!(named("tidings_intake_lag_seconds_bucket"), 1);
    assert_eq!(named("tidings_intake_lag_seconds"), 0);
    assert_eq!(named("tidings_build_info"), 1);
    assert_eq!(named("tidings_build_info_count"), 0);
}
