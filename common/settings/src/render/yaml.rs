use super::documentation;
use crate::{Setting, table};

const HEADER: &str = "\
# Settings of tidings-api, tidings-worker and tidings, with their defaults. Name this file with --config or
# TIDINGS_CONFIG. Nested keys, joined by an underscore, are the names of the environment variables:
# `retry: {base_delay_ms: 500}` is RETRY_BASE_DELAY_MS. The environment and .env beat this file. For each
# secret, a key that ends in _file names a file with the secret, for example `jwt: {secret_file: …}`.
#
# Generated from common/settings/src/table. To regenerate: UPDATE=1 cargo test -p tidings-settings generated
";

/// First words that settings share by chance. They stay at the top level.
const FLAT: [&str; 1] = ["MAX"];

/// Returns `config.example.yaml`.
#[must_use]
pub fn yaml_example() -> String {
    let mut parts = vec![HEADER.to_owned()];
    let mut written: Vec<&str> = Vec::new();
    for setting in table::all() {
        let (word, _) = split(setting);
        if written.contains(&setting.name) {
            continue;
        }
        parts.push("\n".to_owned());
        let nested: Vec<_> = table::all()
            .filter(|other| split(other).0 == word)
            .collect();
        // A key with a value of its own cannot have keys below it.
        let is_setting = nested.iter().any(|other| other.name == word);
        if nested.len() == 1 || is_setting || FLAT.contains(&word) {
            parts.push(entry("", setting, setting.name));
            written.push(setting.name);
            continue;
        }
        parts.push(format!("{}:\n", word.to_ascii_lowercase()));
        for setting in nested {
            parts.push(entry("  ", setting, split(setting).1));
            written.push(setting.name);
        }
    }
    parts.concat()
}

/// The first word of a setting's name and the rest.
fn split(setting: &Setting) -> (&'static str, &'static str) {
    setting.name.split_once('_').unwrap_or((setting.name, ""))
}

fn entry(indent: &str, setting: &Setting, key: &str) -> String {
    let key = key.to_ascii_lowercase();
    let line = match setting.default_value() {
        Some(default) => format!("{indent}{key}: {}\n", scalar(default)),
        None => format!("{indent}# {key}:\n"),
    };
    documentation(indent, setting) + &line
}

/// A value as YAML, in quotation marks if YAML could read it in another way.
fn scalar(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}
