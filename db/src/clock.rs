//! The clock of the database: the one that all processes share.

use jiff::Timestamp;

use crate::GenericClient;
use crate::error::DbError;

/// The time at the begin of the transaction, or of the statement outside of one (`now()`).
///
/// # Errors
///
/// Returns the error of the query.
pub async fn now(client: &impl GenericClient) -> Result<Timestamp, DbError> {
    let statement = client.prepare_cached("SELECT now()").await?;
    Ok(client.query_one(&statement, &[]).await?.get(0))
}
