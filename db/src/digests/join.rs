//! Makes recorded notifications items of digests: what a scheduler does with those that waited for their time, or for
//! RabbitMQ, before they could be collected.

use std::collections::HashSet;

use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{Channel, DigestId, MessageId, UserId};
use tidings_domain::time::Timezone;
use uuid::Uuid;

use super::add::{NewItem, add, take_back};
use super::facts::DigestFacts;
use crate::error::DbError;
use crate::{Transaction, clock};

/// A due notification that is collected to a digest.
#[derive(Clone, Debug)]
pub struct DueItem {
    /// The notification.
    pub message_id: MessageId,
    /// Its user.
    pub user: UserId,
    /// Its channel.
    pub channel: Channel,
    /// Its category.
    pub category: String,
    /// Its key.
    pub key: Option<DigestKey>,
    /// What its category and its user say.
    pub facts: DigestFacts,
}

/// `scheduled → scheduled`: makes due notifications items of digests. Leaves out those that are not due any more, and rows
/// that another transaction has locked. Returns the number of items.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn join(
    transaction: &Transaction<'_>,
    due: &[DueItem],
    default_timezone: &Timezone,
) -> Result<usize, DbError> {
    if due.is_empty() {
        return Ok(0);
    }
    let now = clock::now(transaction).await?;
    let items: Vec<NewItem<'_>> = due
        .iter()
        .map(|one| NewItem {
            user: one.user,
            channel: one.channel,
            category: &one.category,
            key: one.key.as_ref(),
            facts: &one.facts,
        })
        .collect();
    // Digests are locked before notifications.
    let digests = add(transaction, &items, default_timezone, now).await?;
    let ids: Vec<Uuid> = due.iter().map(|one| one.message_id.as_uuid()).collect();
    let digest_ids: Vec<Uuid> = digests.iter().map(|id| id.as_uuid()).collect();
    // See `notifications::claim` for the order of the locks and `OFFSET 0`.
    let statement = transaction
        .prepare_cached(
            "WITH due AS (
                 SELECT message_id, wanted.digest_id
                 FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS wanted (id, digest_id) ORDER BY id) AS wanted
                      CROSS JOIN LATERAL (
                          SELECT message_id, status, not_before, release_until, digest_id AS old FROM notifications
                          WHERE message_id = wanted.id OFFSET 0
                          FOR NO KEY UPDATE SKIP LOCKED) AS found
                 WHERE status = 'scheduled' AND not_before <= now() AND release_until IS NULL AND old IS NULL
             )
             UPDATE notifications SET digest_id = due.digest_id, not_before = NULL, reason = 'digest'
             FROM due WHERE notifications.message_id = due.message_id
             RETURNING notifications.message_id",
        )
        .await?;
    let rows = transaction.query(&statement, &[&ids, &digest_ids]).await?;
    let joined: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<DigestId> = ids
        .iter()
        .zip(&digests)
        .filter(|(id, _)| !joined.contains(*id))
        .map(|(_, digest)| *digest)
        .collect();
    take_back(transaction, &missing).await?;
    Ok(joined.len())
}
