use std::fmt;
use std::str::FromStr;

use tokio_postgres::Row;

use super::cursor::{InboxCursor, InvalidPosition};
use super::snapshot::Snapshot;
use crate::GenericClient;
use crate::error::DbError;

/// What a client has seen of its inbox: everything that was visible to one statement. Clients must treat its text form as
/// opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPosition {
    /// The `system_identifier` of the database cluster. Transactions of another cluster have other numbers.
    pub(super) epoch: u64,
    pub(super) snapshot: Snapshot,
}

/// Selects what [`SeenPosition::of`] reads. Must be in the statement that selects the rows.
pub(super) const POSITION: &str = "pg_current_snapshot()::text AS seen, (SELECT system_identifier FROM pg_control_system()) AS epoch";

impl SeenPosition {
    /// Reads the columns [`POSITION`].
    ///
    /// A text that is not that of a snapshot stands for a position that has seen nothing. PostgreSQL sends none.
    pub(super) fn of(row: &Row) -> Self {
        let snapshot = Snapshot::parse(row.get("seen"));
        Self {
            epoch: row.get::<_, i64>("epoch").cast_unsigned(),
            snapshot: snapshot.unwrap_or_else(Snapshot::nothing),
        }
    }

    /// The number of the database cluster, as PostgreSQL says it.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch.cast_signed()
    }
}

impl fmt::Display for SeenPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&InboxCursor::text(self, None))
    }
}

impl FromStr for SeenPosition {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match InboxCursor::read(text) {
            Some(InboxCursor {
                position,
                after: None,
            }) => Ok(position),
            _ => Err(InvalidPosition),
        }
    }
}

/// Returns the position that has seen everything that is committed.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn current_position(client: &impl GenericClient) -> Result<SeenPosition, DbError> {
    let statement = client.prepare_cached(&format!("SELECT {POSITION}")).await?;
    Ok(SeenPosition::of(&client.query_one(&statement, &[]).await?))
}

/// Returns whether a position is one of this database. It is not if the database was replaced by another one, or by one that is
/// behind the position.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn is_current(
    client: &impl GenericClient,
    position: &SeenPosition,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT (SELECT system_identifier FROM pg_control_system()) = $1
                    AND pg_snapshot_xmax($2::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())",
        )
        .await?;
    let snapshot = position.snapshot.to_string();
    let row = client
        .query_one(&statement, &[&position.epoch(), &snapshot])
        .await?;
    Ok(row.get(0))
}
