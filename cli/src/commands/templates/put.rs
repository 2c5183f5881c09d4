//! `tidings templates put`.

use anyhow::bail;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{Database, TransactionOptions, templates};

use super::{ByKey, Parts, Source, version_json};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `put`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    key: ByKey,
    /// Write what this earlier version is, instead of files
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), conflicts_with_all = ["subject", "text", "html", "sensitive"])]
    from_version: Option<i32>,
    #[command(flatten)]
    parts: Option<Parts>,
    /// All notifications with this template are sensitive: nobody sees their variables, and they are erased soon
    #[arg(long)]
    sensitive: bool,
}

/// Writes a new version.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let Args {
        key,
        from_version,
        parts,
        sensitive,
    } = args;
    let (source, sensitive) = match (from_version, parts) {
        (Some(version), _) => {
            let found = database
                .run(async |client| templates::find(client, key.key(), Some(version)).await)
                .await?;
            let Some(row) = found else {
                bail!("there is no version {version} of {}", key.audit_target());
            };
            let source = Source {
                subject: row.subject,
                text: row.text,
                html: row.html,
            };
            (source, row.sensitive)
        }
        (None, Some(parts)) => (Source::read(&parts, key.channel)?, sensitive),
        (None, None) => bail!("give --text FILE, or --from-version"),
    };
    if source.text.trim().is_empty() {
        bail!("the text is empty");
    }
    if let Err(error) = tidings_templates::check(source.source()) {
        bail!("the template is not valid: {error}");
    }
    let origin = operator();
    let version = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let written =
                templates::insert_version(transaction, key.key(), source.source(), sensitive)
                    .await?;
            let entry = origin
                .entry(Action::TemplatePut)
                .on(TargetKind::Template, key.audit_target())
                .with("version", written.version);
            audit::record(transaction, &entry).await?;
            Ok(written)
        })
        .await?;
    let text = format!(
        "Wrote version {} of {}.\n",
        version.version,
        key.audit_target()
    );
    CommandOutput::new(text, version_json(&version))
}
