//! `tidings templates list`.

use serde_json::{Value, json};
use tidings_db::{Database, templates};
use tidings_templates::TemplateName;

use super::version_json;
use crate::output::{CommandOutput, printable, table};

/// The templates of a query.
const PAGE: u32 = 200;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the channels and languages of this template
    #[arg(long)]
    name: Option<TemplateName>,
}

/// Lists the versions in use.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = database
            .run(async |client| {
                templates::list(client, args.name.as_ref(), after.clone(), PAGE).await
            })
            .await?;
        rows.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let header = ["NAME", "CHANNEL", "LANGUAGE", "VERSION", "CHANGED"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            printable(&row.name),
            row.channel.clone(),
            printable(&row.locale),
            row.version.to_string(),
            format!("{:.0}", row.created_at),
        ]
    }));
    let all: Vec<Value> = rows.iter().map(version_json).collect();
    CommandOutput::new(table(&lines), json!({ "templates": all }))
}
