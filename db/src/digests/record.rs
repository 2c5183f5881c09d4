//! Records notifications as items of digests: what the intake does.

use std::collections::HashSet;

use tidings_domain::category::CategoryName;
use tidings_domain::notification::{DigestId, MessageId, Notification, Status};
use tidings_domain::time::Timezone;
use uuid::Uuid;

use super::add::{NewItem, add, take_back};
use super::facts::DigestFacts;
use crate::database::Database;
use crate::error::DbError;
use crate::notifications::{FirstState, InsertedRows, RecordedBy, insert_batch_by, insert_rows};
use crate::transaction::TransactionOptions;
use crate::{GenericClient, Transaction, clock};

/// A notification that is not recorded yet and is collected to a digest.
#[derive(Clone, Debug)]
pub(crate) struct Collected<'a> {
    /// The notification.
    pub(crate) notification: &'a Notification,
    /// What its category and its user say.
    pub(crate) facts: DigestFacts,
}

/// Records notifications as items of digests, in one transaction. Leaves a notification as it is if its message id is
/// already recorded. Returns those that were not.
///
/// # Errors
///
/// Returns an error and records nothing if one of them cannot be stored.
pub(crate) async fn record_items(
    database: &Database,
    collected: &[Collected<'_>],
    default_timezone: &Timezone,
) -> Result<InsertedRows, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            record_in(transaction, collected, default_timezone).await
        })
        .await
}

async fn record_in(
    transaction: &Transaction<'_>,
    collected: &[Collected<'_>],
    default_timezone: &Timezone,
) -> Result<InsertedRows, DbError> {
    let now = clock::now(transaction).await?;
    let recorded = recorded(transaction, collected).await?;
    let new = collected
        .iter()
        .filter(|one| !recorded.contains(&one.notification.message_id));
    let (items, others): (Vec<&Collected<'_>>, Vec<_>) =
        new.partition(|one| one.facts.collects() && one.item().is_some());
    // Their mode is one of a newer version.
    let others: Vec<&Notification> = others.iter().map(|one| one.notification).collect();
    let mut inserted = if others.is_empty() {
        InsertedRows::new()
    } else {
        insert_batch_by(transaction, &others, RecordedBy::Intake).await?
    };
    // Digests are locked before notifications.
    let new_items: Vec<NewItem<'_>> = items.iter().filter_map(|one| one.item()).collect();
    if new_items.is_empty() {
        return Ok(inserted);
    }
    let digests = add(transaction, &new_items, default_timezone, now).await?;
    let mut rows: Vec<(&Notification, FirstState)> = items
        .iter()
        .zip(&digests)
        .map(|(one, digest)| (one.notification, FirstState::item_of(*digest)))
        .collect();
    rows.sort_unstable_by_key(|(notification, _)| notification.message_id);
    let (as_items, _) = insert_rows(transaction, &rows, false).await?;
    // Another process has recorded them since, their sender has cancelled them, or their user is gone.
    let missing = |(one, _): &(&&Collected<'_>, &DigestId)| {
        let row = as_items.get(&one.notification.message_id);
        row.is_none_or(|row| row.status != Status::Scheduled)
    };
    let missing: Vec<DigestId> = items
        .iter()
        .zip(&digests)
        .filter(missing)
        .map(|(_, digest)| *digest)
        .collect();
    take_back(transaction, &missing).await?;
    inserted.extend(as_items);
    Ok(inserted)
}

impl Collected<'_> {
    fn item(&self) -> Option<NewItem<'_>> {
        Some(NewItem {
            user: self.notification.user_id?,
            channel: self.notification.channel,
            category: self
                .notification
                .category
                .as_ref()
                .map(CategoryName::as_str)?,
            key: self.notification.digest_key.as_ref(),
            facts: &self.facts,
        })
    }
}

/// The notifications that are recorded already: only an item whose row is new is added.
async fn recorded(
    client: &impl GenericClient,
    collected: &[Collected<'_>],
) -> Result<HashSet<MessageId>, DbError> {
    let ids: Vec<Uuid> = collected
        .iter()
        .map(|one| one.notification.message_id.as_uuid())
        .collect();
    let statement = client
        .prepare_cached("SELECT message_id FROM notifications WHERE message_id = ANY ($1)")
        .await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Uuid>(0).into())
        .collect())
}
