//! `tidings templates versions`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::{Database, templates};

use super::{ByKey, version_json};
use crate::output::{CommandOutput, table};

/// The most versions that are listed.
const LIMIT: u32 = 200;

/// Lists the versions of a template, the newest first.
pub async fn run(database: &Database, key: ByKey) -> anyhow::Result<CommandOutput> {
    let (rows, _) = database
        .run(async |client| templates::list_versions(client, key.key(), None, LIMIT).await)
        .await?;
    if rows.is_empty() {
        bail!("there is no template {}", key.audit_target());
    }
    let mut lines = vec![
        ["VERSION", "CREATED", "DELETED"]
            .map(str::to_owned)
            .to_vec(),
    ];
    lines.extend(rows.iter().map(|row| {
        let deleted = row
            .deleted_at
            .map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        vec![
            row.version.to_string(),
            format!("{:.0}", row.created_at),
            deleted,
        ]
    }));
    let all: Vec<Value> = rows.iter().map(version_json).collect();
    CommandOutput::new(table(&lines), json!({ "templates": all }))
}
