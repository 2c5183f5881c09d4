//! How an API key is printed.

use serde_json::{Value, json};
use tidings_db::api_keys::ApiKeyRow;
use tidings_domain::access::{ApiKey, Scope};

use crate::output::{Text, printable, table};

/// A key as JSON, with the fields of the API. `key` is the key itself, if it may be printed.
pub fn json(row: &ApiKeyRow, key: Option<&ApiKey>) -> Value {
    let scopes: Vec<&str> = row.scopes.stated().map(Scope::as_str).collect();
    let mut value = json!({
        "id": row.id,
        "name": row.name,
        "scopes": scopes,
        "userId": row.user_id,
        "ratePerMinute": row.rate_per_minute,
        "expiresAt": row.expires_at,
        "createdBy": row.created_by,
        "createdAt": row.created_at,
        "lastUsedAt": row.last_used_at,
        "previousValidUntil": row.previous_until,
        "suspendedAt": row.suspended_at,
        "revokedAt": row.revoked_at,
    });
    if let Some(key) = key {
        value["key"] = json!(key.expose());
    }
    value
}

/// A key as text.
pub fn text(row: &ApiKeyRow, key: Option<&ApiKey>) -> Text {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| format!("{time:.0}"));
    let cells = [
        ("key", key.map(ApiKey::expose)),
        ("id", Some(row.id.to_string())),
        ("name", Some(printable(&row.name))),
        ("scopes", Some(row.scopes.to_string())),
        ("user", row.user_id.map(|user| user.to_string())),
        ("a minute", row.rate_per_minute.map(|rate| rate.to_string())),
        ("expires", time(row.expires_at)),
        ("old secret until", time(row.previous_until)),
        ("created by", Some(printable(&row.created_by))),
        ("created", time(Some(row.created_at))),
        ("last used", time(row.last_used_at)),
        ("suspended", time(row.suspended_at)),
        ("revoked", time(row.revoked_at)),
    ];
    let present = cells
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    table(&present.collect::<Vec<_>>()).into()
}
