use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream};
use uuid::Uuid;

use super::Action;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;
use crate::page::read_page;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// UUIDv7.
    pub id: Uuid,
    /// When the transaction of the action began.
    pub at: Timestamp,
    /// The kind of the actor. A newer version may have more kinds, outcomes and actions.
    pub actor_kind: String,
    /// The actor.
    pub actor_id: String,
    /// The action.
    pub action: String,
    /// The kind of what the action changes.
    pub target_kind: Option<String>,
    /// What the action changes.
    pub target_id: Option<String>,
    /// How the action ended.
    pub outcome: String,
    /// The `X-Request-Id` of the request.
    pub request_id: Option<String>,
    /// The address of the client or of a proxy, until it is erased.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the request, until it is erased.
    pub user_agent: Option<String>,
    /// An object.
    pub details: Value,
}

const COLUMNS: &str = "id, at, actor_kind, actor_id, action, target_kind, target_id, outcome, request_id, ip, \
                       user_agent, details";

impl From<&Row> for AuditRow {
    /// Converts a row of `COLUMNS`.
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            at: row.get(1),
            actor_kind: row.get(2),
            actor_id: row.get(3),
            action: row.get(4),
            target_kind: row.get(5),
            target_id: row.get(6),
            outcome: row.get(7),
            request_id: row.get(8),
            ip: row.get(9),
            user_agent: row.get(10),
            details: row.get(11),
        }
    }
}

/// Selects the entries of a page.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only entries about this action.
    pub action: Option<Action>,
    /// Only entries about actions of this actor.
    pub actor: Option<String>,
    /// Only entries about changes of this.
    pub target: Option<String>,
    /// Only entries at this time or later.
    pub from: Option<Timestamp>,
    /// Only entries before this time.
    pub to: Option<Timestamp>,
}

/// Returns a page of entries, the newest first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: &AuditFilter,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<AuditRow>, Option<IdCursor>), DbError> {
    let query =
        async |after: Option<&IdCursor>, rows: i64| rows_after(client, filter, after, rows).await;
    read_page(limit, after, query, |row: &AuditRow| IdCursor(row.id)).await
}

/// The statement has a condition for each filter that is given, so that its plan reads the index of that filter in order.
async fn rows_after(
    client: &impl GenericClient,
    filter: &AuditFilter,
    after: Option<&IdCursor>,
    rows: i64,
) -> Result<RowStream, DbError> {
    // Every UUIDv7 is smaller.
    let after = after.map_or(Uuid::max(), |IdCursor(id)| *id);
    let action = filter.action.map(Action::as_str);
    let mut conditions = vec!["id < $1".to_owned()];
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&after, &rows];
    for (condition, value) in [
        ("action =", parameter(action.as_ref())),
        ("actor_id =", parameter(filter.actor.as_ref())),
        ("target_id =", parameter(filter.target.as_ref())),
        ("at >=", parameter(filter.from.as_ref())),
        ("at <", parameter(filter.to.as_ref())),
    ] {
        if let Some(value) = value {
            parameters.push(value);
            conditions.push(format!("{condition} ${}", parameters.len()));
        }
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_log WHERE {} ORDER BY id DESC LIMIT $2",
        conditions.join(" AND ")
    );
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.query_raw(&statement, parameters).await?)
}

fn parameter<T: ToSql + Sync>(value: Option<&T>) -> Option<&(dyn ToSql + Sync)> {
    value.map(|value| value as &(dyn ToSql + Sync))
}
