//! `.env.example` is what the programs read, and what the compose file sets is in it.

use std::collections::BTreeSet;

use crate::sources::{root, rust_files, without_tests};

fn read(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_a_name(text: &str) -> bool {
    text.len() > 2
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains('_')
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The names of `.env.example`, those that are commented out (`# NAME=`) included.
fn example() -> BTreeSet<String> {
    let text = read(".env.example");
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start_matches(['#', ' ']);
        let (name, _) = line.split_once('=')?;
        is_a_name(name).then(|| name.to_owned())
    });
    names.collect()
}

/// The texts in quotation marks of the settings modules that look like a variable's name.
fn read_by_the_programs() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["api", "worker", "common", "db"] {
        for path in rust_files(&root().join(folder).join("src")) {
            let text = without_tests(&path);
            if text.contains("Reader") {
                let quoted = text.split('"').skip(1).step_by(2);
                names.extend(quoted.filter(|name| is_a_name(name)).map(ToOwned::to_owned));
            }
        }
    }
    names
}

#[test]
fn the_example_lists_exactly_the_settings_that_the_programs_read() {
    let (example, read) = (example(), read_by_the_programs());
    let missing: Vec<_> = read.difference(&example).collect();
    let stale: Vec<_> = example.difference(&read).collect();
    assert!(
        missing.is_empty(),
        "read, but not in .env.example: {missing:?}"
    );
    assert!(
        stale.is_empty(),
        "in .env.example, but nobody reads them: {stale:?}"
    );
    assert!(
        example.contains("DATABASE_URL") && example.len() > 20,
        "{example:?}"
    );
}

/// The variables below `environment:` of each service, in either of YAML's forms.
fn set_by_compose(text: &str) -> Vec<(String, String)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut set = Vec::new();
    let (mut service, mut section) = (String::new(), None);
    let lines = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    for line in lines {
        let (depth, text) = (indent(line), line.trim());
        if depth == 2 && text.ends_with(':') {
            text.trim_end_matches(':').clone_into(&mut service);
        }
        if section.is_some_and(|start| depth <= start) {
            section = None;
        }
        if section.is_some() {
            let entry = text.trim_start_matches("- ").trim_matches(['"', '\'']);
            let name = entry.split([':', '=']).next().unwrap_or_default().trim();
            if is_a_name(name) {
                set.push((service.clone(), name.to_owned()));
            }
        }
        // `environment:` itself, or a map that others merge (`x-environment: &environment`).
        if text.starts_with("environment:") || (depth == 0 && text.starts_with("x-")) {
            section = Some(depth);
        }
    }
    set
}

#[test]
fn settings_in_the_compose_file_are_in_the_example() {
    let example = example();
    let set = set_by_compose(&read("docker-compose.yml"));
    let foreign =
        |name: &str| name.starts_with("POSTGRES_") || name.starts_with("RABBITMQ_DEFAULT_");
    let ours: Vec<_> = set.iter().filter(|(_, name)| !foreign(name)).collect();
    assert!(
        ours.iter().any(|(_, name)| name == "DATABASE_URL"),
        "{set:?}"
    );
    let unknown: Vec<_> = ours
        .iter()
        .filter(|(_, name)| !example.contains(name))
        .collect();
    assert!(unknown.is_empty(), "not in .env.example: {unknown:?}");
}

#[test]
fn both_forms_of_a_compose_environment_are_parsed() {
    let text = "services:\n  api:\n    environment:\n      API_PORT: \"1\"\n    ports:\n      - X_Y\n  worker:\n    environment:\n      - WORKER_PORT=2\n";
    let pair = |service: &str, name: &str| (service.to_owned(), name.to_owned());
    assert_eq!(
        set_by_compose(text),
        [pair("api", "API_PORT"), pair("worker", "WORKER_PORT")]
    );
}
