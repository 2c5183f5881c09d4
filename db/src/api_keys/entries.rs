//! The entries in the audit log about keys. They contain no secret and no name.

use tidings_domain::notification::UserId;

use super::ApiKeyRow;
use super::row::names;
use crate::Transaction;
use crate::audit::{self, Action, AuditEntry, AuditOrigin, TargetKind};
use crate::error::DbError;

/// Records that a key was created.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_create(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    row: &ApiKeyRow,
) -> Result<(), DbError> {
    let entry = entry(origin, Action::KeyCreate, row);
    audit::record(transaction, &entry).await
}

/// Records how a key was changed, unless it was not.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_update(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    before: &ApiKeyRow,
    after: &ApiKeyRow,
) -> Result<(), DbError> {
    let fields = [
        ("name", before.name != after.name),
        ("scopes", before.scopes != after.scopes),
        (
            "ratePerMinute",
            before.rate_per_minute != after.rate_per_minute,
        ),
        ("expiresAt", before.expires_at != after.expires_at),
    ];
    let changed = fields.into_iter().filter(|(_, is_other)| *is_other);
    let changed: Vec<&str> = changed.map(|(name, _)| name).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let entry = entry(origin, Action::KeyUpdate, after).with("changed", changed);
    audit::record(transaction, &entry).await
}

/// Records that a key has a new secret.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_rotate(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    row: &ApiKeyRow,
    overlap_hours: u32,
) -> Result<(), DbError> {
    let entry = origin
        .entry(Action::KeyRotate)
        .on(TargetKind::ApiKey, row.id)
        .with("overlapHours", overlap_hours);
    audit::record(transaction, &entry).await
}

/// Records that a key was revoked.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_revoke(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    row: &ApiKeyRow,
) -> Result<(), DbError> {
    let entry = origin
        .entry(Action::KeyRevoke)
        .on(TargetKind::ApiKey, row.id);
    audit::record(transaction, &entry).await
}

/// An entry that says what the key may do.
fn entry<'a>(origin: &'a AuditOrigin, action: Action, row: &ApiKeyRow) -> AuditEntry<'a> {
    let user = row.user_id.map(|user: UserId| user.to_string());
    origin
        .entry(action)
        .on(TargetKind::ApiKey, row.id)
        .with("scopes", names(row.scopes))
        .with("user", user)
        .with("expiresAt", row.expires_at.map(|time| time.to_string()))
}
