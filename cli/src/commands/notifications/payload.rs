//! `tidings notifications payload`.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::notifications::{self, PayloadReader};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::notification::MessageId;

use crate::operator::operator;
use crate::output::{CommandOutput, Text, printable};

/// Shows a payload, and writes the entry of the audit log.
pub async fn run(database: &Database, id: MessageId) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let reading = database.transaction(TransactionOptions::default(), async |transaction| {
        let row = notifications::find(transaction, id, None).await?;
        if row.is_some() {
            let entry = origin.entry(Action::NotificationPayload);
            audit::record(transaction, &entry.on(TargetKind::Notification, id)).await?;
        }
        Ok(row)
    });
    let Some(row) = reading.await.context("cannot read the notification")? else {
        bail!("there is no notification {id}, or it is not recorded yet");
    };
    let payload: Option<Value> = row
        .payload_for(PayloadReader::Other)
        .map(serde_json::from_str)
        .transpose()?;
    let mut text = Text::default();
    match (&payload, row.payload_removed_at) {
        (None, _) => text.line("The notification is sensitive: its payload is never shown."),
        (Some(_), Some(at)) => text.line(format_args!("The payload was erased at {at:.0}.")),
        (Some(payload), None) => text.line(printable(&payload.to_string())),
    }
    let json = json!({
        "messageId": id,
        "payload": payload,
        "payloadHidden": payload.is_none(),
        "payloadRemovedAt": row.payload_removed_at,
        "template": row.template.map(|one| json!({"name": one.name, "locale": one.locale})),
    });
    CommandOutput::new(text, json)
}
