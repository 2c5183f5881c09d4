use jiff::Timestamp;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::Cursor;

/// An endpoint as people see it: without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: UserId,
    /// Where it is.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// Whether anything is sent there.
    pub enabled: bool,
    /// Why Tidings itself disabled it.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

pub(super) const COLUMNS: &str =
    "id, user_id, url, description, enabled, disabled_reason, created_at, updated_at";

impl From<&tokio_postgres::Row> for Row {
    /// Of a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get(0),
            user_id: row.get::<_, Uuid>(1).into(),
            url: row.get(2),
            description: row.get(3),
            enabled: row.get(4),
            disabled_reason: row.get(5),
            created_at: row.get(6),
            updated_at: row.get(7),
        }
    }
}

/// The endpoint `id`, where there is one and, if an owner is given, it is theirs.
///
/// # Errors
///
/// Those of the query.
pub async fn find(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
) -> Result<Option<Row>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_endpoints
         WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)"
    );
    let statement = client.prepare_cached(&sql).await?;
    let owner = owner.map(UserId::as_uuid);
    let row = client.query_opt(&statement, &[&id, &owner]).await?;
    Ok(row.as_ref().map(Row::from))
}

/// A page of endpoints, all or one user's, newest first, and the place where the next page starts,
/// where there is one.
///
/// # Errors
///
/// Those of the query.
pub async fn list(
    client: &impl GenericClient,
    user: Option<UserId>,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Vec<Row>, Option<Cursor>), DbError> {
    // Two statements, so that each has a plan that reads one index in its order.
    let whose = if user.is_some() {
        "user_id = $1"
    } else {
        "$1::uuid IS NULL"
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_endpoints
         WHERE {whose} AND id < $2 ORDER BY id DESC LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    // No UUIDv7 is as large.
    let after = after.map_or(Uuid::max(), |Cursor(id)| id);
    let user = user.map(UserId::as_uuid);
    // One more than asked for tells whether another page follows.
    let found = client
        .query(&statement, &[&user, &after, &(i64::from(limit) + 1)])
        .await?;
    let mut rows: Vec<Row> = found.iter().map(Row::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| Cursor(row.id));
    Ok((rows, next))
}
