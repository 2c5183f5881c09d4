//! The documents link to files that exist.

use crate::sources::root;

/// The documents for people, relative to the workspace.
const DOCUMENTS: [&str; 14] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "db/migrations/README.md",
    "docs/ARCHITECTURE.md",
    "docs/AUDIT.md",
    "docs/BENCHMARKS.md",
    "docs/CHANNELS.md",
    "docs/CONFIGURATION.md",
    "docs/EVENTS.md",
    "docs/MIGRATING.md",
    "docs/RELIABILITY.md",
    "docs/TRACING.md",
    "docs/WIDGET.md",
];

/// The targets of all links that lead to a file of the workspace.
fn linked_files(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.starts_with("http"));
    files.filter_map(|file| file.split('#').next())
}

#[test]
fn every_file_that_the_documents_link_to_exists() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).expect("a document");
        let folder = path.parent().expect("a folder");
        let broken = linked_files(&text).filter(|file| !folder.join(file).exists());
        missing.extend(broken.map(|file| format!("{document}: {file}")));
    }
    assert_eq!(missing, [""; 0]);
}
