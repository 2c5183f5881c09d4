use tokio_util::sync::CancellationToken;

use super::table::Table;
use crate::GenericClient;
use crate::database::Database;
use crate::error::DbError;

/// Maximum number of rows that one statement deletes.
const CHUNK: u64 = 1000;

/// Deletes figures that are too old: minutes after 30 days, hours after 400. Ends early if `stop` is cancelled. Returns their
/// number.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn remove_old(database: &Database, stop: &CancellationToken) -> Result<u64, DbError> {
    let mut removed = 0;
    loop {
        let (some, more) = database
            .run(async |client| remove_some(client).await)
            .await?;
        removed += some;
        if !more || stop.is_cancelled() {
            return Ok(removed);
        }
    }
}

/// Deletes a limited number of figures that are too old. Returns how many, and whether there may be more.
async fn remove_some(client: &impl GenericClient) -> Result<(u64, bool), DbError> {
    let (mut removed, mut more) = (0, false);
    for table in Table::ALL {
        let (name, time) = (table.name(), table.time());
        let sql = format!(
            "DELETE FROM {name} WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM {name} WHERE {time} < now() - make_interval(secs => $1)
                 LIMIT {CHUNK} FOR UPDATE SKIP LOCKED))"
        );
        let statement = client.prepare_cached(&sql).await?;
        let seconds = table.kept().as_secs_f64();
        let deleted = client.execute(&statement, &[&seconds]).await?;
        removed += deleted;
        more |= deleted == CHUNK;
    }
    Ok((removed, more))
}
