use serde_json::json;
use tidings_settings::{SettingReport, Sources, report};

use crate::output::{CommandOutput, printable, table as columns};

/// Prints every setting.
pub fn run(sources: &Sources) -> anyhow::Result<CommandOutput> {
    let all = report(sources);
    let mut rows = vec![["SETTING", "VALUE", "SOURCE"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(row));
    CommandOutput::new(columns(&rows), json!({ "settings": all }))
}

fn row(shown: &SettingReport) -> Vec<String> {
    let SettingReport { value, source, .. } = shown;
    let (value, source) = match (value, &shown.mistake) {
        (Some(value), _) => (value.as_str(), source.as_deref().unwrap_or_default()),
        (None, Some(mistake)) => ("unreadable", mistake.as_str()),
        (None, None) if shown.missing => ("missing", ""),
        (None, None) => ("-", ""),
    };
    vec![shown.name.to_owned(), printable(value), printable(source)]
}
