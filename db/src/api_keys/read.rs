use tidings_domain::access::ApiKeyId;
use tidings_domain::notification::UserId;
use tokio_postgres::types::ToSql;

use super::ApiKeyRow;
use super::row::COLUMNS;
use crate::error::DbError;
use crate::page::{NumberCursor, read_page};
use crate::{GenericClient, Transaction};

/// Finds a key.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(client: &impl GenericClient, id: ApiKeyId) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id.as_str()]).await?;
    Ok(row.as_ref().map(ApiKeyRow::from))
}

/// Finds a key, and locks its row until the transaction ends, so that the caller's rights are checked against what it
/// changes.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn lock(
    transaction: &Transaction<'_>,
    id: ApiKeyId,
) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1 FOR NO KEY UPDATE");
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction.query_opt(&statement, &[&id.as_str()]).await?;
    Ok(row.as_ref().map(ApiKeyRow::from))
}

/// Selects the keys of a page.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyFilter {
    /// Only keys of this user.
    pub user: Option<UserId>,
    /// Also revoked keys.
    pub revoked: bool,
}

/// Returns a page of keys, the newest first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: KeyFilter,
    after: Option<NumberCursor>,
    limit: u32,
) -> Result<(Vec<ApiKeyRow>, Option<NumberCursor>), DbError> {
    let whose = if filter.user.is_some() {
        "user_id = $1"
    } else {
        "$1::uuid IS NULL"
    };
    let revoked = if filter.revoked {
        ""
    } else {
        " AND revoked_at IS NULL"
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM api_keys WHERE {whose} AND number < $2{revoked} ORDER BY number DESC LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    let user = filter.user.map(UserId::as_uuid);
    let query = async |after: Option<&NumberCursor>, rows: i64| {
        let after = after.map_or(i64::MAX, |NumberCursor(number)| *number);
        let parameters: [&(dyn ToSql + Sync); 3] = [&user, &after, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    read_page(limit, after, query, ApiKeyRow::cursor).await
}
