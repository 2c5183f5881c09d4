//! Rules of the workspace that cargo cannot enforce, and functions that read its sources.

use std::path::{Path, PathBuf};

/// Returns the workspace's folder.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace").to_owned()
}

/// Returns all Rust files below `folder`.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Returns a file's text without full-line comments and without the unit tests at its end.
pub fn without_tests(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a text file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the lines of all packages that contain one of `words`, except in the folders `allowed`.
fn lines_with(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let packages = [
        "api",
        "worker",
        "cli",
        "bench",
        "db",
        "common/broker",
        "common/domain",
        "common/egress",
        "common/http",
        "common/passwords",
        "common/requests",
        "common/runtime",
        "common/settings",
        "common/templates",
        "common/unsubscribe",
    ];
    for package in packages {
        for path in rust_files(&root.join(package).join("src")) {
            let name = path
                .strip_prefix(&root)
                .expect("within")
                .display()
                .to_string();
            if allowed.iter().any(|folder| name.starts_with(folder)) {
                continue;
            }
            let text = without_tests(&path);
            let lines = text
                .lines()
                .filter(|line| words.iter().any(|word| line.contains(word)));
            found.extend(lines.map(|line| format!("{name}: {}", line.trim())));
        }
    }
    found
}

#[test]
fn only_the_db_crate_contains_sql() {
    let words = [
        "SELECT ",
        "INSERT INTO",
        "DELETE FROM",
        "UPDATE notifications",
    ];
    assert_eq!(lines_with(&words, &["db/"]), [""; 0]);
}

#[test]
fn tests_wait_for_events_and_never_sleep() {
    let mut found = Vec::new();
    for path in rust_files(&root().join("tests")) {
        // The loop that polls, the chaos program, and this file, which contains the word.
        let may = ["src/poll.rs", "chaos/timing.rs", "e2e/sources.rs"];
        if may.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text file");
        if ["sleep(", "#[ignore"]
            .iter()
            .any(|word| text.contains(word))
        {
            found.push(path);
        }
    }
    assert_eq!(found, [""; 0].map(PathBuf::from));
}
