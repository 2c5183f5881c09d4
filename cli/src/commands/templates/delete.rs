//! `tidings templates delete`.

use anyhow::bail;
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{Database, TransactionOptions, templates};

use super::ByKey;
use crate::operator::operator;
use crate::output::CommandOutput;

/// Marks all versions as deleted.
pub async fn run(database: &Database, key: ByKey) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let deleted = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = templates::delete(transaction, key.key()).await?;
            if deleted {
                let entry = origin
                    .entry(Action::TemplateDelete)
                    .on(TargetKind::Template, key.audit_target());
                audit::record(transaction, &entry).await?;
            }
            Ok(deleted)
        })
        .await?;
    if !deleted {
        bail!("there is no template {}", key.audit_target());
    }
    let text = format!("Deleted {}.\n", key.audit_target());
    CommandOutput::new(text, json!({ "deleted": key.audit_target() }))
}
