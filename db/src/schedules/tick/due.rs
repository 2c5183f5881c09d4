use jiff::Timestamp;
use tidings_domain::notification::Channel;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Transaction;
use crate::error::DbError;
use crate::page::{Filled, PageRows};
use crate::schedules::ScheduleRow;
use crate::schedules::row::COLUMNS;

/// Locks schedules that are due at `now`, the oldest first: at most `limit`, and about a megabyte. Leaves out those that
/// another transaction has locked, and those whose channel only a newer version knows. Returns whether more are due.
pub(super) async fn lock_due(
    transaction: &Transaction<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<(Vec<ScheduleRow>, bool), DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules
         WHERE NOT paused AND next_at <= $1 AND type = ANY($2)
               AND ($3::timestamptz IS NULL OR (next_at, id) > ($3, $4))
         ORDER BY next_at, id LIMIT $5
         FOR NO KEY UPDATE SKIP LOCKED"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let channels = Channel::ALL.map(Channel::as_str).to_vec();
    let mut page: PageRows<ScheduleRow> = PageRows::new(limit);
    loop {
        let asked = page.rows_to_ask_for();
        let last = page.rows.last();
        let next_at: Option<Timestamp> = last.and_then(|row| row.next_at);
        let id: Option<Uuid> = last.map(|row| row.id.as_uuid());
        let parameters: [&(dyn ToSql + Sync); 5] = [&now, &channels, &next_at, &id, &asked];
        let rows = transaction.query_raw(&statement, parameters).await?;
        match page.fill(rows, asked).await? {
            Filled::Full => return Ok((page.rows, true)),
            Filled::NoMoreRows => return Ok((page.rows, false)),
            Filled::AskAgain => {}
        }
    }
}
