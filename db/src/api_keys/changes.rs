use futures_util::{TryStreamExt, pin_mut};
use tidings_domain::access::ApiKeyId;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::row::{id, rate, scopes};
use super::{LiveKey, PreviousSecret};
use crate::GenericClient;
use crate::error::DbError;

/// Which transactions a read of the keys has seen (PostgreSQL manual, "Transaction ID and Snapshot Information Functions").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySnapshot(String);

/// What a read of the keys has found.
#[derive(Clone, Debug)]
pub struct ChangedKeys {
    /// What the next read continues from.
    pub snapshot: KeySnapshot,
    /// Whether `live` are all keys that can be used, and any other key is gone.
    pub is_complete: bool,
    /// The keys that can be used.
    pub live: Vec<LiveKey>,
    /// The keys that can be used no longer.
    pub ended: Vec<ApiKeyId>,
}

/// Whether a key can be used, apart from its expiry.
const IS_LIVE: &str = "revoked_at IS NULL AND suspended_at IS NULL";

const COLUMNS: &str =
    "id, hash, previous_hash, previous_until, scopes, user_id, rate_per_minute, expires_at";

/// Returns the keys that transactions have changed which `since` has not seen; all keys without `since`, and if the
/// database has been replaced by one that is behind `since`.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn changes(
    client: &impl GenericClient,
    since: Option<&KeySnapshot>,
) -> Result<ChangedKeys, DbError> {
    let since = since.map(|KeySnapshot(text)| text.as_str());
    // Taken before the keys are read: what is committed in between is read twice, and nothing is missed.
    let statement = client
        .prepare_cached(
            "SELECT pg_current_snapshot()::text,
                    coalesce(pg_snapshot_xmin(pg_current_snapshot()) < pg_snapshot_xmin($1::text::pg_snapshot), true)",
        )
        .await?;
    let row = client.query_one(&statement, &[&since]).await?;
    let (snapshot, is_complete) = (KeySnapshot(row.get(0)), row.get(1));
    let mut changed = ChangedKeys {
        snapshot,
        is_complete,
        live: Vec::new(),
        ended: Vec::new(),
    };
    // Two statements, so that each plan reads one index.
    let changed_since = "changed_xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                         AND NOT pg_visible_in_snapshot(changed_xid, $1::text::pg_snapshot)";
    let all_live = format!(
        "{IS_LIVE} AND (expires_at IS NULL OR expires_at > now()) AND ($1::text IS NULL OR true)"
    );
    let condition = if is_complete {
        &all_live
    } else {
        changed_since
    };
    let sql = format!("SELECT {COLUMNS}, {IS_LIVE} FROM api_keys WHERE {condition}");
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query_raw(&statement, [&since]).await?;
    pin_mut!(rows);
    while let Some(row) = rows.try_next().await? {
        if row.get(8) {
            changed.live.push(LiveKey::from(&row));
        } else {
            changed.ended.push(id(&row, "id"));
        }
    }
    Ok(changed)
}

impl From<&Row> for LiveKey {
    /// Converts a row of `COLUMNS`.
    fn from(row: &Row) -> Self {
        let (previous, until) = (hash(row, "previous_hash"), row.get("previous_until"));
        let user = row.get::<_, Option<Uuid>>("user_id").map(UserId::from);
        let scopes = scopes(row, "scopes");
        Self {
            id: id(row, "id"),
            // A column of 32 bytes, which are never all zero.
            hash: hash(row, "hash").unwrap_or_default(),
            previous: previous
                .zip(until)
                .map(|(hash, until)| PreviousSecret { hash, until }.into()),
            scopes: if user.is_some() {
                scopes.of_own_user()
            } else {
                scopes
            },
            user,
            rate_per_minute: rate(row, "rate_per_minute"),
            expires_at: row.get("expires_at"),
        }
    }
}

fn hash(row: &Row, column: &str) -> Option<[u8; 32]> {
    let bytes: Option<&[u8]> = row.get(column);
    bytes.and_then(|bytes| bytes.try_into().ok())
}
