//! `tidings templates show`.

use anyhow::bail;
use tidings_db::{Database, templates};

use super::{ByKey, template_json};
use crate::output::{CommandOutput, Text, printable};

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    key: ByKey,
    /// A version, also a deleted one; by default the current one
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
}

/// Prints the source of a template.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let found = database
        .run(async |client| templates::find(client, args.key.key(), args.version).await)
        .await?;
    let Some(row) = found else {
        bail!("there is no template {}", args.key.audit_target());
    };
    let mut text = Text::default();
    text.line(format_args!(
        "version {} of {:.0}",
        row.version, row.created_at
    ));
    let parts = [
        ("subject", row.subject.as_deref()),
        ("text", Some(row.text.as_str())),
        ("html", row.html.as_deref()),
    ];
    for (name, part) in parts {
        let Some(part) = part else {
            continue;
        };
        text.line(format_args!("\n{name}:"));
        for line in part.lines() {
            text.line(printable(line));
        }
    }
    CommandOutput::new(text, template_json(&row))
}
