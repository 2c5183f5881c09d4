use jiff::Timestamp;
use tidings_domain::access::{ApiKeyId, Scope, Scopes};
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::page::NumberCursor;

/// The columns of an [`ApiKeyRow`].
pub(super) const COLUMNS: &str =
    "id, number, name, previous_until, scopes, user_id, rate_per_minute, expires_at, created_by,
     created_at, last_used_at, suspended_at, revoked_at";

/// A key without its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The public part of the key.
    pub id: ApiKeyId,
    /// The order of creation.
    pub(super) number: i64,
    /// What the key is for.
    pub name: String,
    /// Until when the secret before the last rotation is valid.
    pub previous_until: Option<Timestamp>,
    /// What the key may do. Of a key of a user, only what is about this user has an effect.
    pub scopes: Scopes,
    /// The user to whom the key is limited.
    pub user_id: Option<UserId>,
    /// How many requests a minute the key may send.
    pub rate_per_minute: Option<u32>,
    /// When the key expires.
    pub expires_at: Option<Timestamp>,
    /// Who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is refused because its user is to be deleted.
    pub suspended_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKeyRow {
    /// The position after this row in a list.
    pub(super) const fn cursor(&self) -> NumberCursor {
        NumberCursor(self.number)
    }
}

impl From<&Row> for ApiKeyRow {
    fn from(row: &Row) -> Self {
        Self {
            id: id(row, "id"),
            number: row.get("number"),
            name: row.get("name"),
            previous_until: row.get("previous_until"),
            scopes: scopes(row, "scopes"),
            user_id: row.get::<_, Option<Uuid>>("user_id").map(UserId::from),
            rate_per_minute: rate(row, "rate_per_minute"),
            expires_at: row.get("expires_at"),
            created_by: row.get("created_by"),
            created_at: row.get("created_at"),
            last_used_at: row.get("last_used_at"),
            suspended_at: row.get("suspended_at"),
            revoked_at: row.get("revoked_at"),
        }
    }
}

/// The id in a column.
#[expect(
    clippy::expect_used,
    reason = "like Row::get, which panics on a column of another type: api_keys_id_check allows no other text"
)]
pub(super) fn id(row: &Row, column: &str) -> ApiKeyId {
    let id: &str = row.get(column);
    id.parse().expect("api_keys_id_check")
}

/// The scopes in a column. A scope of a newer version is unknown, and grants nothing here.
pub(super) fn scopes(row: &Row, column: &str) -> Scopes {
    let names: Vec<&str> = row.get(column);
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The limit in a column.
pub(super) fn rate(row: &Row, column: &str) -> Option<u32> {
    let rate: Option<i32> = row.get(column);
    rate.and_then(|rate| u32::try_from(rate).ok())
}

/// Scopes as the table stores them.
pub(super) fn names(scopes: Scopes) -> Vec<&'static str> {
    scopes.stated().map(Scope::as_str).collect()
}
