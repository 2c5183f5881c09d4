use serde_json::Value;
use uuid::Uuid;

use super::AuditEntry;
use crate::Transaction;
use crate::error::DbError;

/// Writes an entry in the transaction of the action: if that is rolled back, there is no entry.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record(transaction: &Transaction<'_>, entry: &AuditEntry<'_>) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached(
            "INSERT INTO audit_log (id, actor_kind, actor_id, action, target_kind, target_id, outcome, request_id, ip,
                                    user_agent, details)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .await?;
    let origin = entry.origin;
    let (target_kind, target_id) = entry.target.as_ref().map_or((None, None), |(kind, id)| {
        (Some(kind.as_str()), Some(id.as_str()))
    });
    transaction
        .execute(
            &statement,
            &[
                &Uuid::now_v7(),
                &origin.kind.as_str(),
                &origin.actor,
                &entry.action.as_str(),
                &target_kind,
                &target_id,
                &entry.outcome.as_str(),
                &origin.request_id,
                &origin.ip,
                &origin.user_agent,
                &Value::Object(entry.details.clone()),
            ],
        )
        .await?;
    Ok(())
}
