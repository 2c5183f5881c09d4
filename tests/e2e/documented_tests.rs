//! Every test that the documentation names exists.

use std::collections::BTreeSet;

use rstest::rstest;

use crate::sources::{root, rust_files};

/// Returns the names in code spans that look like test names: several words joined by underscores.
fn named_tests(text: &str) -> BTreeSet<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_name = |span: &&str| {
        span.matches('_').count() >= 3
            && span
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    spans.filter(is_name).collect()
}

#[rstest]
#[case("docs/RELIABILITY.md")]
#[case("docs/SECURITY.md")]
fn every_test_named_in_the_documentation_exists(#[case] document: &str) {
    let text = std::fs::read_to_string(root().join(document)).expect("a document");
    let named = named_tests(&text);
    assert!(named.len() > 20, "only {named:?}");

    let folders = ["tests", "api", "worker", "cli", "db", "common", "doctor"];
    let files = folders.map(|folder| rust_files(&root().join(folder)));
    let sources = files.iter().flatten().map(std::fs::read_to_string);
    let sources: String = sources.map(|source| source.expect("a text file")).collect();
    let missing: Vec<_> = named
        .into_iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    assert_eq!(missing, [""; 0]);
}
