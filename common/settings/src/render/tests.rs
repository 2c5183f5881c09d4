use std::path::{Path, PathBuf};

use super::*;
use crate::{Sources, ValueSource, table};

/// Compares a file of the repository with what the table generates, or writes the file if the variable
/// `UPDATE` is set.
fn generated(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let file = std::fs::read_to_string(&path).expect("a text file");
    assert!(
        file == text,
        "{name} differs from the table of settings: UPDATE=1 cargo test -p tidings-settings generated"
    );
}

#[test]
fn generated_env_example() {
    generated(".env.example", &env_example());
}

#[test]
fn generated_yaml_example() {
    generated("config.example.yaml", &yaml_example());
}

#[test]
fn generated_configuration_page() {
    generated("docs/CONFIGURATION.md", &configuration_page());
}

/// The files that `render` generates set every default and nothing else.
#[test]
fn the_yaml_example_sets_exactly_the_defaults() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), yaml_example()).expect("written");
    let sources = Sources::of_file(file.path());
    assert_eq!(sources.problems(), []);
    let source = ValueSource::File(PathBuf::from(file.path()));
    for setting in table::all() {
        let value = sources.value(setting).expect("no mistake");
        let found = value.map(|value| (value.text, value.source));
        let expected = setting
            .default_value()
            .map(|default| (default.to_owned(), source.clone()));
        assert_eq!(found, expected, "{}", setting.name);
    }
}

#[test]
fn the_env_example_lists_every_setting() {
    let text = env_example();
    for setting in table::all() {
        let commented = format!("\n#{}=\n", setting.name);
        let set = format!(
            "\n{}={}\n",
            setting.name,
            setting.default_value().unwrap_or_default()
        );
        assert!(
            text.contains(&commented) || text.contains(&set),
            "{}",
            setting.name
        );
    }
}

#[test]
fn comments_are_wrapped() {
    let text = comment("  ", &"word ".repeat(60));
    assert!(text.lines().count() > 2);
    assert!(
        text.lines()
            .all(|line| line.starts_with("  # word") && line.len() <= WIDTH)
    );
    assert_eq!(comment("", ""), "");
}
