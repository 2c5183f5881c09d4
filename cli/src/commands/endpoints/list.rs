//! `tidings endpoints list`.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::webhook_endpoints::{self, EndpointFilter, EndpointHealth, WebhookEndpointRow};

use crate::output::{CommandOutput, Text, printable, table};
use crate::paging::read_pages;

/// Lists endpoints.
pub async fn run(
    database: &Database,
    filter: EndpointFilter,
    limit: u32,
) -> anyhow::Result<CommandOutput> {
    let mut health = HashMap::new();
    let read = async |after, rows| {
        let page = database.run(async |client| {
            let (rows, next) = webhook_endpoints::list(client, filter, after, rows).await?;
            let health = webhook_endpoints::health(client, &rows).await?;
            Ok((rows, next, health))
        });
        let (rows, next, health_of_page) = page.await.context("cannot read the endpoints")?;
        health.extend(health_of_page);
        anyhow::Ok((rows, next))
    };
    let listed = read_pages(limit, read).await?;
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
    lines.extend(listed.rows.iter().map(|row| line(row, health(row))));
    let json = listed.rows.iter().map(|row| json_of(row, health(row)));
    let json = json!({"webhookEndpoints": json.collect::<Vec<_>>(), "more": listed.has_more});
    let mut text = Text::from(table(&lines));
    if listed.has_more {
        text.line("There are more: use --limit.");
    }
    CommandOutput::new(text, json)
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
