//! `tidings endpoints enable`, `disable` and `delete`.

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{self, EndpointChanges};
use tidings_db::{Database, TransactionOptions};
use uuid::Uuid;

use crate::operator::operator;
use crate::output::CommandOutput;

/// Enables or disables an endpoint.
pub async fn switch(database: &Database, id: Uuid, enabled: bool) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let changes = EndpointChanges {
        enabled: Some(enabled),
        ..EndpointChanges::default()
    };
    let updated = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let row = webhook_endpoints::update(transaction, id, None, &changes).await?;
            if let Some(row) = &row {
                let entry = origin
                    .entry(Action::WebhookEndpointUpdate)
                    .on(TargetKind::WebhookEndpoint, id)
                    .with("user", row.user_id.to_string())
                    .with("changed", vec!["enabled"]);
                audit::record(transaction, &entry).await?;
            }
            Ok(row)
        })
        .await
        .context("the endpoint is not changed")?;
    if updated.is_none() {
        bail!("there is no webhook endpoint {id}");
    }
    let what = if enabled { "enabled" } else { "disabled" };
    CommandOutput::new(
        format!("The endpoint {id} is {what}.\n"),
        json!({"id": id, "enabled": enabled}),
    )
}

/// Deletes an endpoint.
pub async fn delete(database: &Database, id: Uuid) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let deleted = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = webhook_endpoints::delete(transaction, id, None).await?;
            if deleted {
                let entry = origin
                    .entry(Action::WebhookEndpointDelete)
                    .on(TargetKind::WebhookEndpoint, id);
                audit::record(transaction, &entry).await?;
            }
            Ok(deleted)
        })
        .await
        .context("the endpoint is not deleted")?;
    if !deleted {
        bail!("there is no webhook endpoint {id}");
    }
    CommandOutput::new(
        format!("The endpoint {id} is deleted.\n"),
        json!({"id": id}),
    )
}
