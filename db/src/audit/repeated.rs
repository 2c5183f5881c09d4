use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::AuditEntry;
use crate::GenericClient;
use crate::error::DbError;

/// Returns whether the entry with this id says the same as `entry` (who has done what to which target, with which details) and is
/// not older than `max_age`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn is_recorded_as(
    client: &impl GenericClient,
    id: Uuid,
    entry: &AuditEntry<'_>,
    max_age: Duration,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT FROM audit_log
                 WHERE id = $1 AND at BETWEEN now() - make_interval(secs => $2) AND now()
                       AND actor_kind = $3 AND actor_id = $4 AND action = $5 AND outcome = $6
                       AND target_kind IS NOT DISTINCT FROM $7 AND target_id IS NOT DISTINCT FROM $8 AND details = $9)",
        )
        .await?;
    let target = entry.target.as_ref();
    let details = Value::Object(entry.details.clone());
    let row = client
        .query_one(
            &statement,
            &[
                &id,
                &max_age.as_secs_f64(),
                &entry.origin.kind.as_str(),
                &entry.origin.actor,
                &entry.action.as_str(),
                &entry.outcome.as_str(),
                &target.map(|(kind, _)| kind.as_str()),
                &target.map(|(_, id)| id),
                &details,
            ],
        )
        .await?;
    Ok(row.get(0))
}
