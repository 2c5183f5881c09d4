use std::net::IpAddr;
use std::slice;

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
    record_all(transaction, slice::from_ref(entry)).await
}

/// Writes entries in one statement, like [`record`].
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_all(
    transaction: &Transaction<'_>,
    entries: &[AuditEntry<'_>],
) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO audit_log (id, actor_kind, actor_id, action, target_kind, target_id, outcome, request_id, ip,
                                    user_agent, details)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                  $8::text[], $9::inet[], $10::text[], $11::jsonb[])",
        )
        .await?;
    let ids: Vec<Uuid> = entries.iter().map(|one| one.id).collect();
    let target = |entry: &&AuditEntry<'_>| entry.target.clone().unzip();
    let (target_kinds, target_ids): (Vec<_>, Vec<Option<String>>) =
        entries.iter().map(|entry| target(&entry)).unzip();
    let target_kinds: Vec<Option<&str>> = target_kinds
        .into_iter()
        .map(|kind| kind.map(super::TargetKind::as_str))
        .collect();
    let kinds: Vec<&str> = entries.iter().map(|one| one.origin.kind.as_str()).collect();
    let actors: Vec<&str> = entries.iter().map(|one| &*one.origin.actor).collect();
    let actions: Vec<&str> = entries.iter().map(|one| one.action.as_str()).collect();
    let outcomes: Vec<&str> = entries.iter().map(|one| one.outcome.as_str()).collect();
    let requests: Vec<Option<&str>> = entries
        .iter()
        .map(|one| one.origin.request_id.as_deref())
        .collect();
    let ips: Vec<Option<IpAddr>> = entries.iter().map(|one| one.origin.ip).collect();
    let agents: Vec<Option<&str>> = entries
        .iter()
        .map(|one| one.origin.user_agent.as_deref())
        .collect();
    let details: Vec<Value> = entries
        .iter()
        .map(|one| Value::Object(one.details.clone()))
        .collect();
    transaction
        .execute(
            &statement,
            &[
                &ids,
                &kinds,
                &actors,
                &actions,
                &target_kinds,
                &target_ids,
                &outcomes,
                &requests,
                &ips,
                &agents,
                &details,
            ],
        )
        .await?;
    Ok(())
}
