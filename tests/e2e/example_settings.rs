//! `.env.example` is what the programs read.

use std::collections::BTreeSet;

use tidings_domain::jwt::JwtAlgorithm;
use tidings_domain::providers::ChannelProviders;
use tidings_settings::table;

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

/// The names of the settings that the sources read: those after `table::`, and the variables of the
/// providers, which `common/domain` names.
fn read_by_the_programs() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["api", "worker", "cli", "common", "db"] {
        for path in rust_files(&root().join(folder)) {
            let text = without_tests(&path);
            let words = text.split("table::").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                &rest[..end.unwrap_or(rest.len())]
            });
            names.extend(words.filter(|word| is_a_name(word)).map(ToOwned::to_owned));
            if path.ends_with("common/domain/src/providers.rs") {
                let quoted = text.split('"').skip(1).step_by(2);
                names.extend(quoted.filter(|name| is_a_name(name)).map(ToOwned::to_owned));
            }
        }
    }
    names
}

/// That the example lists the settings of the table, and that a setting that is read is in the table, are
/// tests of `common/settings` and a matter of compiling. This test finds settings that nobody reads.
#[test]
fn the_example_lists_exactly_the_settings_that_the_programs_read() {
    let (mut example, read) = (example(), read_by_the_programs());
    assert!(example.remove("TIDINGS_CONFIG"));
    let secret_files: Vec<_> = table::all()
        .filter(|setting| setting.kind.is_secret())
        .map(|setting| format!("{}_FILE", setting.name))
        .collect();
    for name in secret_files {
        assert!(example.remove(&name), "{name}");
    }
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

/// The documentation of these settings lists values that `common/domain` declares.
#[test]
fn the_table_documents_every_algorithm_and_every_provider() {
    for algorithm in JwtAlgorithm::ALL {
        assert!(
            table::JWT_ALGORITHM.doc_line().contains(algorithm.as_str()),
            "{algorithm}"
        );
    }
    for name in [
        "EMAIL_PROVIDER",
        "SMS_PROVIDER",
        "PUSH_PROVIDER",
        "WEBHOOK_PROVIDER",
    ] {
        let value_of = |asked| (asked == name).then_some("pigeon");
        let (_, mistakes) = ChannelProviders::parse(value_of, false);
        let (_, providers) = mistakes[0]
            .message
            .split_once("must be ")
            .expect("the providers");
        let documented = table::find(name).expect("a setting").doc_line();
        for provider in providers.split(", ").flat_map(|some| some.split(" or ")) {
            assert!(
                documented.contains(&format!("`{provider}`")),
                "{name}: {provider}"
            );
        }
    }
}

/// The second column of the tables in `docs/MIGRATING.md` names settings, and the rows cover every older service.
#[test]
fn the_migration_guide_names_only_existing_settings() {
    let text = read("docs/MIGRATING.md");
    let mut old = String::new();
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<_> = row.split('|').collect();
        let [_, older, ours, remarks, _] = columns[..] else {
            panic!("not three columns: {row}");
        };
        old.push_str(older);
        let quoted = ours.split('`').skip(1).step_by(2);
        for name in quoted.filter(|name| is_a_name(name)) {
            assert!(table::find(name).is_some(), "{name}: {row}");
        }
        assert!(
            ours.trim() != "–" || !remarks.trim().is_empty(),
            "no reason: {row}"
        );
    }
    for name in [
        "SERVER_PORT",
        "GRPC_PORT",
        "REDIS_URL",
        "NATS_URL",
        "SMTP_HOST",
        "FCM_SERVER_KEY",
        "NODE_ENV",
        "DB_HOST",
        "RABBITMQ_HOST",
    ] {
        assert!(old.contains(&format!("`{name}`")), "{name}");
    }
}
