use crate::table::GROUPS;
use crate::{DefaultValue, ProgramName, Setting};

const INTRODUCTION: &str = include_str!("introduction.md");

/// Returns `docs/CONFIGURATION.md`.
#[must_use]
pub fn configuration_page() -> String {
    let mut parts = vec![INTRODUCTION.to_owned()];
    for group in GROUPS {
        parts.push(format!("\n## {}\n\n", group.title));
        if !group.doc.is_empty() {
            parts.push(format!("{}\n\n", group.doc.concat().trim()));
        }
        parts.push(
            "| Setting | Type | Default | Read by | Meaning |\n| --- | --- | --- | --- | --- |\n"
                .to_owned(),
        );
        for setting in group.settings {
            parts.push(row(setting));
        }
    }
    parts.concat()
}

fn row(setting: &Setting) -> String {
    let unit = setting.unit.map(|unit| format!(", in {unit}"));
    let default = match setting.default {
        DefaultValue::Value(value) => format!("`{value}`"),
        DefaultValue::Described(text) => text.to_owned(),
        DefaultValue::RequiredIf(condition) => format!("required if {condition}"),
    };
    let example = setting
        .example
        .map(|example| format!(" Example: {example}"));
    let used_by: Vec<&str> = setting.used_by.iter().map(ProgramName::as_str).collect();
    format!(
        "| `{}` | {}{} | {default} | {} | {}{} |\n",
        setting.name,
        setting.kind,
        unit.unwrap_or_default(),
        used_by.join(", "),
        setting.doc_line(),
        example.unwrap_or_default().replace('<', "\\<"),
    )
}
