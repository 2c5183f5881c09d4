//! `tidings schedules get`, and how schedules are printed.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_db::schedules::{self, ScheduleRow};
use tidings_domain::notification::{MessageId, ScheduleId};

use super::{all, database, not_found};
use crate::output::{CommandOutput, Text, printable, table};

/// Prints a schedule.
pub async fn run(id: ScheduleId) -> anyhow::Result<CommandOutput> {
    let found = database()?
        .run(async |client| schedules::find(client, id, &all()).await)
        .await?;
    match found {
        Some(row) => CommandOutput::new(text(&row), json(&row)?),
        None => not_found(id),
    }
}

/// A schedule as JSON, with the fields of the API.
pub fn json(row: &ScheduleRow) -> anyhow::Result<Value> {
    let payload: Box<RawValue> = RawValue::from_string(row.payload.clone())?;
    let last_message_id = row
        .last_at
        .map(|occurrence| MessageId::for_occurrence(row.id, occurrence));
    Ok(json!({
        "id": row.id,
        "sender": row.sender,
        "targetUserId": row.user_id,
        "type": row.r#type,
        "payload": payload,
        "template": row.template,
        "group": row.group,
        "category": row.category,
        "digest": row.digest_key.as_ref().map(|key| json!({"key": key})),
        "ttlSecs": row.ttl_secs,
        "cron": row.cron,
        "timezone": row.timezone,
        "startsAt": row.starts_at,
        "endsAt": row.ends_at,
        "graceSecs": row.grace_secs,
        "nextAt": row.next_at,
        "lastAt": row.last_at,
        "lastMessageId": last_message_id,
        "paused": row.paused,
        "reason": row.reason,
        "skipped": row.skipped,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }))
}

/// A schedule as text, without its payload.
pub fn text(row: &ScheduleRow) -> Text {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let time = |time: Option<jiff::Timestamp>| shown(time.map(|time| time.to_string()));
    let mut cells = vec![
        ("schedule", row.id.to_string()),
        ("sender", printable(&row.sender)),
        ("user", row.user_id.to_string()),
        ("type", row.r#type.clone()),
        ("cron", format!("{} ({})", row.cron, row.timezone)),
        ("next", time(row.next_at)),
        ("last", time(row.last_at)),
        ("state", state(row)),
        ("skipped", row.skipped.to_string()),
    ];
    if let Some(reason) = &row.reason {
        cells.push(("reason", printable(reason)));
    }
    let rows: Vec<Vec<String>> = cells
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    table(&rows).into()
}

/// `active`, `paused`, `failed` or `ended`.
pub fn state(row: &ScheduleRow) -> String {
    let state = match (row.paused, &row.reason, row.next_at) {
        (true, Some(_), _) => "failed",
        (true, None, _) => "paused",
        (false, _, None) => "ended",
        (false, _, Some(_)) => "active",
    };
    state.to_owned()
}
