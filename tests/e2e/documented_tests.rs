//! Every test that the documentation names exists.

use std::collections::BTreeSet;

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

#[test]
fn every_test_named_in_the_documentation_exists() {
    let promises = root().join("docs/RELIABILITY.md");
    let text = std::fs::read_to_string(promises).expect("the promises");
    let named = named_tests(&text);
    assert!(named.len() > 20, "only {named:?}");

    let files = rust_files(&root().join("tests/e2e"));
    let sources = files.iter().map(std::fs::read_to_string);
    let sources: String = sources.map(|source| source.expect("a text file")).collect();
    let missing: Vec<_> = named
        .into_iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    assert_eq!(missing, [""; 0]);
}
