use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The transactions that may still record a notification of a user as if the user were not marked: those that began before
/// the mark was committed.
#[derive(Clone, Debug)]
pub struct Writers {
    deletion: Uuid,
    /// The virtual ids of the transactions that have locked `notifications` in order to write.
    transactions: Vec<String>,
}

impl Writers {
    /// Finds them, after the transaction that marked the user is committed.
    ///
    /// A statement takes its lock on the table before its snapshot, and its transaction id after it. So the ids alone are
    /// not enough: a statement may have its snapshot from before the mark, and an id from after it.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn find(client: &impl GenericClient, deletion: Uuid) -> Result<Self, DbError> {
        let statement = client
            .prepare_cached(
                "SELECT DISTINCT virtualtransaction FROM pg_locks
                 WHERE locktype = 'relation' AND relation = 'notifications'::regclass
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND mode = 'RowExclusiveLock' AND granted AND virtualtransaction IS NOT NULL",
            )
            .await?;
        let rows = client.query(&statement, &[]).await?;
        Ok(Self {
            deletion,
            transactions: rows.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// Whether all of them have ended.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn have_ended(&self, client: &impl GenericClient) -> Result<bool, DbError> {
        let statement = client
            .prepare_cached(
                "SELECT pg_snapshot_xmin(pg_current_snapshot()) > marked_xid
                        AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND granted
                                        AND virtualtransaction = ANY($2))
                 FROM user_deletions WHERE id = $1",
            )
            .await?;
        let row = client
            .query_opt(&statement, &[&self.deletion, &self.transactions])
            .await?;
        Ok(row.is_none_or(|row| row.get::<_, Option<bool>>(0).unwrap_or(true)))
    }
}
