//! `tidings endpoints list`.

use anyhow::Context;
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::webhook_endpoints::{self, EndpointFilter, EndpointHealth, WebhookEndpointRow};

use crate::output::{CommandOutput, printable, table};

/// Lists endpoints.
pub async fn run(
    database: &Database,
    filter: EndpointFilter,
    limit: u32,
) -> anyhow::Result<CommandOutput> {
    let (rows, health) = database
        .run(async |client| {
            let (rows, _) = webhook_endpoints::list(client, filter, None, limit).await?;
            let health = webhook_endpoints::health(client, &rows).await?;
            Ok((rows, health))
        })
        .await
        .context("cannot read the endpoints")?;
    let none = EndpointHealth::default();
    let health = |row: &WebhookEndpointRow| health.get(&row.id).unwrap_or(&none);
    let head = [
        "ID",
        "USER",
        "URL",
        "STATE",
        "LAST SUCCESS",
        "FAILED (24 H)",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| line(row, health(row))));
    let json: Vec<Value> = rows.iter().map(|row| json_of(row, health(row))).collect();
    CommandOutput::new(table(&lines), json!({ "webhookEndpoints": json }))
}

fn line(row: &WebhookEndpointRow, health: &EndpointHealth) -> Vec<String> {
    let time = |time: jiff::Timestamp| format!("{time:.0}");
    vec![
        row.id.to_string(),
        row.user_id.to_string(),
        printable(&row.url),
        state(row, health),
        health
            .last_delivered_at
            .map_or_else(|| "-".to_owned(), time),
        format!("{} of {}", health.failed, health.failed + health.delivered),
    ]
}

fn state(row: &WebhookEndpointRow, health: &EndpointHealth) -> String {
    match (&row.disabled_reason, row.enabled) {
        (Some(reason), _) => format!("disabled: {}", printable(reason)),
        (None, false) => "disabled".to_owned(),
        (None, true) if health.is_away => "away".to_owned(),
        (None, true) => "enabled".to_owned(),
    }
}

fn json_of(row: &WebhookEndpointRow, health: &EndpointHealth) -> Value {
    json!({
        "id": row.id,
        "userId": row.user_id,
        "url": row.url,
        "description": row.description,
        "enabled": row.enabled,
        "disabledReason": row.disabled_reason,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "health": {
            "isAway": health.is_away,
            "lastSuccessAt": health.last_delivered_at,
            "lastFailureAt": health.last_failed_at,
            "succeeded": health.delivered,
            "failed": health.failed,
            "failureRatio": health.failure_ratio(),
        },
    })
}
