//! `tidings endpoints ping`.

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::json;
use tidings_db::{Database, TransactionOptions, notifications, webhook_endpoints};
use tidings_domain::notification::Notification;
use uuid::Uuid;

use crate::operator;
use crate::output::CommandOutput;

/// Records a test notification for an endpoint. Like the one of the API, it says who has sent it, and has no entry in the audit log.
pub async fn run(database: &Database, id: Uuid) -> anyhow::Result<CommandOutput> {
    let found = database
        .run(async |client| webhook_endpoints::find(client, id, None).await)
        .await
        .context("cannot read the endpoint")?;
    let Some(endpoint) = found else {
        bail!("there is no webhook endpoint {id}");
    };
    if !endpoint.enabled {
        bail!(
            "the endpoint is disabled, and nothing is sent there; see `tidings endpoints enable`"
        );
    }
    let sender = format!("cli:{}", operator::name());
    let ping = Notification::ping(id, endpoint.user_id, sender, Timestamp::now())?;
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            notifications::insert_for_scheduler(transaction, &ping).await
        })
        .await
        .context("the notification is not recorded")?;
    let message = ping.message_id;
    let text = format!(
        "The ping is recorded, and a scheduler publishes it. `tidings notifications show {message}` says how it ends.\n"
    );
    CommandOutput::new(text, json!({"id": id, "messageId": message}))
}
