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
    let mut parts = vec![HEADER.to_owned()];
    for group in GROUPS {
        let rule = "-".repeat(94_usize.saturating_sub(group.title.len()));
        parts.push(format!("\n# --- {} {rule}\n", group.title));
        parts.push(comment("", &group.doc.concat()));
        for setting in group.settings {
            parts.push(documentation("", setting));
            match setting.default_value() {
                Some(default) => parts.push(format!("{}={default}\n", setting.name)),
                None => parts.push(format!("#{}=\n", setting.name)),
            }
            if setting.kind.is_secret() {
                parts.push(format!("#{}_FILE=\n", setting.name));
            }
        }
    }
    parts.concat()
}
