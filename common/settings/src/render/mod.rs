//! Generates the files that are derived from the table: `.env.example`, `config.example.yaml` and
//! `docs/CONFIGURATION.md`. A test compares them with the files of the repository.

mod env;
mod markdown;
mod yaml;

pub use env::env_example;
pub use markdown::configuration_page;
pub use yaml::yaml_example;

use crate::{DefaultValue, Setting, SettingKind};

/// Maximum width of a line of comments.
const WIDTH: usize = 100;

/// What may be said about a setting beside its documentation: valid values, unit, default.
fn facts(setting: &Setting) -> String {
    let mut facts = Vec::new();
    match setting.kind {
        SettingKind::Number { min, max } => {
            let unit = setting.unit.map(|unit| format!(" {unit}"));
            facts.push(format!("{min} to {max}{}.", unit.unwrap_or_default()));
        }
        SettingKind::Flag | SettingKind::Choice(_) => facts.push(format!("{}.", setting.kind)),
        _ => {}
    }
    match setting.default {
        DefaultValue::Described("none") | DefaultValue::Value(_) => {}
        DefaultValue::Described(default) => facts.push(format!("Default: {default}.")),
        DefaultValue::RequiredIf(condition) => facts.push(format!("Required if {condition}.")),
    }
    if let Some(example) = setting.example {
        facts.push(format!("Example: {example}"));
    }
    facts.join(" ")
}

/// Breaks text into comment lines that begin with `indent`.
fn comment(indent: &str, text: &str) -> String {
    let start = format!("{indent}#");
    let mut lines = String::new();
    let mut line = start.clone();
    for word in text.split_whitespace() {
        if line.len() > start.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line.clone_from(&start);
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > start.len() {
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

/// The documentation of a setting as comment lines, with its facts.
fn documentation(indent: &str, setting: &Setting) -> String {
    comment(indent, &setting.doc_line()) + &comment(indent, &facts(setting))
}

#[cfg(test)]
mod tests;
