use super::{comment, documentation};
use crate::table::GROUPS;

const HEADER: &str = "\
# Settings of tidings-api, tidings-worker and tidings, with their defaults. Copy this file to .env, or set
# the variables in the environment. The environment beats .env, and .env beats the settings file.
#
# Generated from common/settings/src/table. To regenerate: UPDATE=1 cargo test -p tidings-settings generated

# A settings file in YAML; config.example.yaml is one. The argument --config of each program names it too.
#TIDINGS_CONFIG=
";

/// Returns `.env.example`.
#[must_use]
pub fn env_example() -> String {
    let mut text = HEADER.to_owned();
    for group in GROUPS {
        let rule = "-".repeat(94_usize.saturating_sub(group.title.len()));
        text.push_str(&format!("\n# --- {} {rule}\n", group.title));
        text.push_str(&comment("", &group.doc.concat()));
        for setting in group.settings {
            text.push_str(&documentation("", setting));
            match setting.default_value() {
                Some(default) => text.push_str(&format!("{}={default}\n", setting.name)),
                None => text.push_str(&format!("#{}=\n", setting.name)),
            }
            if setting.kind.is_secret() {
                text.push_str(&format!("#{}_FILE=\n", setting.name));
            }
        }
    }
    text
}
