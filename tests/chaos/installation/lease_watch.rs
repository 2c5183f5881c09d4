use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio::time::timeout;
use uuid::Uuid;

use super::database::DatabaseConnection;

/// How long PostgreSQL may take to answer.
const LIMIT: Duration = Duration::from_secs(2);

/// A lease: the message id of a due notification, and when the lease ends.
pub type Lease = (Uuid, Timestamp);

/// Looks at the leases of the schedulers.
pub struct LeaseWatch(pub(super) DatabaseConnection);

impl LeaseWatch {
    /// Returns the leases that are held now.
    pub async fn held(&self) -> anyhow::Result<HashSet<Lease>> {
        // The conditions of the index of scheduled notifications first.
        let sql = "SELECT message_id, release_until FROM notifications
                   WHERE status = 'scheduled' AND not_before <= now() AND release_until > now()";
        let asked = timeout(LIMIT, self.0.client.query(sql, &[])).await;
        let rows = asked.context("PostgreSQL does not answer")??;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}
