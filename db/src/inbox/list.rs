use std::fmt::Write;

use tidings_domain::notification::UserId;
use tokio_postgres::RowStream;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::cursor::InboxCursor;
use super::position::{SeenPosition, current_position, is_current};
use super::row::{InboxRow, InboxState, VISIBLE, columns};
use super::snapshot_transaction;
use crate::GenericClient;
use crate::database::Database;
use crate::error::DbError;
use crate::page::read_page;

/// Selects the notifications of a list.
#[derive(Clone, Debug)]
pub struct InboxFilter {
    /// The owner of the inbox.
    pub user: UserId,
    /// Their state.
    pub state: InboxState,
    /// Only those of this category.
    pub category: Option<String>,
}

/// A page of an inbox.
#[derive(Clone, Debug)]
pub struct InboxPage {
    /// Newest first.
    pub rows: Vec<InboxRow>,
    /// The position after the last row; `None` on the last page.
    pub next: Option<InboxCursor>,
    /// What the first page had seen.
    pub up_to: SeenPosition,
}

/// Returns a page of an inbox, newest first. `None` if `after` is not a cursor of this database.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    database: &Database,
    filter: &InboxFilter,
    after: Option<&InboxCursor>,
    limit: u32,
) -> Result<Option<InboxPage>, DbError> {
    // All statements have the same snapshot, so what the client is shown is what its position has seen.
    snapshot_transaction(database, async |transaction| {
        let up_to = match after {
            None => current_position(transaction).await?,
            Some(cursor) if is_current(transaction, &cursor.position).await? => {
                // What was recorded since the first page may be shown too. It is not marked as read, and the stream sends it.
                cursor.position.clone()
            }
            Some(_) => return Ok(None),
        };
        let query = async |after: Option<&Uuid>, rows: i64| {
            rows_after(transaction, filter, after.copied(), rows).await
        };
        let after = after.and_then(|cursor| cursor.after);
        let of_row = |row: &InboxRow| row.notification.id;
        let (rows, next) = read_page(limit, after, query, of_row).await?;
        let next = next.map(|id| InboxCursor {
            position: up_to.clone(),
            after: Some(id),
        });
        Ok(Some(InboxPage { rows, next, up_to }))
    })
    .await
}

async fn rows_after(
    client: &impl GenericClient,
    filter: &InboxFilter,
    after: Option<Uuid>,
    rows: i64,
) -> Result<RowStream, DbError> {
    let (columns, state) = (columns(), filter.state.condition());
    let user = filter.user.as_uuid();
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&user, &rows];
    let mut conditions = String::new();
    if let Some(category) = &filter.category {
        parameters.push(category);
        let _ = write!(conditions, " AND category = ${}", parameters.len());
    }
    if let Some(after) = &after {
        parameters.push(after);
        let _ = write!(conditions, " AND id < ${}", parameters.len());
    }
    // Planned for an average user: for one with most of all rows, PostgreSQL would follow the primary key instead of the index,
    // past all that others have got since.
    let sql = format!(
        "SELECT {columns} FROM notifications
         WHERE user_id = (SELECT $1::uuid) AND {VISIBLE} AND {state}{conditions} ORDER BY id DESC LIMIT $2"
    );
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.query_raw(&statement, parameters).await?)
}
