//! `tidings endpoints`: the webhook endpoints of users.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{
    self, EndpointChanges, EndpointFilter, EndpointHealth, EndpointState, WebhookEndpointRow,
};
use tidings_db::{Database, DatabaseSettings, TransactionOptions};
use uuid::Uuid;

use crate::operator::operator;
use crate::output::{CommandOutput, printable, table};
use crate::settings;

/// The commands for webhook endpoints. `tidings dlq replay --endpoint` replays what has not reached one.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List endpoints, the newest first, and how they fare
    List {
        /// Only those of this user
        #[arg(long, value_name = "USER_ID")]
        user: Option<Uuid>,
        /// Only those that are enabled, disabled, `disabled_by_tidings` because of an answer, or away: their host and port are down
        #[arg(long)]
        state: Option<EndpointState>,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
    },
    /// Send webhooks to an endpoint again that was disabled
    Enable {
        /// The endpoint
        id: Uuid,
    },
    /// Send nothing more to an endpoint until it is enabled
    Disable {
        /// The endpoint
        id: Uuid,
    },
    /// Delete an endpoint
    Delete {
        /// The endpoint
        id: Uuid,
    },
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings endpoints")?;
    match command {
        Command::List { user, state, limit } => {
            let filter = EndpointFilter {
                user: user.map(Into::into),
                state,
            };
            list(&database, filter, limit).await
        }
        Command::Enable { id } => switch(&database, id, true).await,
        Command::Disable { id } => switch(&database, id, false).await,
        Command::Delete { id } => delete(&database, id).await,
    }
}

async fn list(
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

async fn switch(database: &Database, id: Uuid, enabled: bool) -> anyhow::Result<CommandOutput> {
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

async fn delete(database: &Database, id: Uuid) -> anyhow::Result<CommandOutput> {
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
