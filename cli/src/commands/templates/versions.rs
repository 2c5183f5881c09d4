//! `tidings templates versions`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::{Database, templates};

use super::{ByKey, version_json};
use crate::output::{CommandOutput, Text, table};
use crate::paging::read_pages;

/// Arguments of `versions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    key: ByKey,
    /// The maximum number of versions
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Lists the versions of a template, the newest first.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let Args { key, limit } = args;
    let read = async |after, rows| {
        let page = database
            .run(async |client| templates::list_versions(client, key.key(), after, rows).await);
        page.await
    };
    let listed = read_pages(limit, read).await?;
    if listed.rows.is_empty() {
        bail!("there is no template {}", key.audit_target());
    }
    let mut lines = vec![
        ["VERSION", "CREATED", "DELETED"]
            .map(str::to_owned)
            .to_vec(),
    ];
    lines.extend(listed.rows.iter().map(|row| {
        let deleted = row
            .deleted_at
            .map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        vec![
            row.version.to_string(),
            format!("{:.0}", row.created_at),
            deleted,
        ]
    }));
    let all: Vec<Value> = listed.rows.iter().map(version_json).collect();
    let mut text = Text::from(table(&lines));
    if listed.has_more {
        text.line("There are more: use --limit.");
    }
    CommandOutput::new(text, json!({ "templates": all, "more": listed.has_more }))
}
