use std::collections::HashMap;

use tidings_domain::decision::SuppressReason;
use tidings_domain::notification::{Channel, Fingerprint, MessageId, Notification, Status};
use tokio_postgres::Row;
use uuid::Uuid;

use super::first_state::{FirstState, first_states};
use super::insert_rows::insert_rows;
use crate::GenericClient;
use crate::digests::{Collected, DigestFacts};
use crate::error::DbError;

/// The notifications of a batch that [`insert_batch`] inserted, with their status; the others existed before.
pub type Inserted = HashMap<MessageId, Status>;

/// The notifications of a batch that were inserted, with how their rows begin; the others existed before.
pub(crate) type InsertedRows = HashMap<MessageId, InsertedRow>;

/// How a row begins that was inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InsertedRow {
    pub(crate) status: Status,
    /// Why it is suppressed.
    pub(crate) suppressed: Option<SuppressReason>,
}

/// Who records a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedBy {
    /// The intake of a worker, which publishes a message for each delivery.
    Intake,
    /// The API, because RabbitMQ does not take the message of the notification: a scheduler publishes the delivery.
    Api,
    /// A scheduler, for an occurrence of a recurring schedule: a scheduler publishes the delivery.
    Schedule,
}

/// Inserts a batch for the intake, in one statement, without looking for digests. Leaves a notification as it is if its
/// message id is already recorded. One that is sent now becomes `processed` if it is an in-app notification, and `pending` otherwise.
///
/// # Errors
///
/// Returns an error and inserts nothing if one notification cannot be stored; [`DbError::kind`] says why.
pub async fn insert_batch(
    client: &impl GenericClient,
    batch: &[&Notification],
) -> Result<Inserted, DbError> {
    let inserted = insert_batch_by(client, batch, RecordedBy::Intake).await?;
    let inserted = inserted.into_iter().map(|(id, row)| (id, row.status));
    Ok(inserted.collect())
}

/// Inserts a notification, which a scheduler publishes at once. For what must be recorded in the transaction of another
/// change. Leaves it as it is if its message id is already recorded.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert_for_scheduler(
    client: &impl GenericClient,
    notification: &Notification,
) -> Result<(), DbError> {
    insert_batch_by(client, &[notification], RecordedBy::Api).await?;
    Ok(())
}

/// Inserts a batch in one statement, and so in one transaction. Leaves a notification as it is if its
/// message id is already recorded. [`decide`] says which status a notification gets. One that is sent now becomes
/// `processed` if it is an in-app notification. Otherwise it becomes `pending` if the intake records it, and `scheduled`, due
/// at once, if the API or a scheduler does: then a scheduler decides whether it is collected to a digest.
///
/// Overlapping batches cannot deadlock, because rows are inserted in the order of their message ids.
///
/// # Errors
///
/// Returns an error and inserts nothing if one notification cannot be stored; [`DbError::kind`] says why.
///
/// [`decide`]: tidings_domain::decision::decide
pub(crate) async fn insert_batch_by(
    client: &impl GenericClient,
    batch: &[&Notification],
    by: RecordedBy,
) -> Result<InsertedRows, DbError> {
    let rows = rows(client, batch, by).await?;
    let (inserted, _) = insert_rows(client, &rows, false).await?;
    Ok(inserted)
}

/// Like [`insert_batch_by`], for the intake, but leaves out the notifications that are collected to digests, and returns
/// them. The same statement finds them, so that a batch without any costs nothing more.
pub(super) async fn insert_or_collect<'a>(
    client: &impl GenericClient,
    batch: &[&'a Notification],
) -> Result<(InsertedRows, Vec<Collected<'a>>), DbError> {
    let rows = rows(client, batch, RecordedBy::Intake).await?;
    // Others are never collected.
    let may_be_collected = rows.iter().any(|(one, _)| {
        one.category.is_some() && one.user_id.is_some() && one.channel != Channel::InApp
    });
    let (inserted, mut facts) = insert_rows(client, &rows, may_be_collected).await?;
    let collect = |notification: &&'a Notification| {
        let facts = facts.remove(&notification.message_id)?;
        Some(Collected {
            notification,
            facts,
        })
    };
    let collected = batch.iter().filter_map(collect).collect();
    Ok((inserted, collected))
}

/// The rows of a batch, in the order of their message ids.
async fn rows<'a>(
    client: &impl GenericClient,
    batch: &[&'a Notification],
    by: RecordedBy,
) -> Result<Vec<(&'a Notification, FirstState)>, DbError> {
    let mut batch: Vec<&Notification> = batch.to_vec();
    batch.sort_unstable_by_key(|notification| notification.message_id);
    let states = first_states(client, &batch, by).await?;
    Ok(batch.into_iter().zip(states).collect())
}

/// What the notifications say that are collected and not recorded.
pub(super) type CollectedFacts = HashMap<MessageId, DigestFacts>;

/// The status and channel of a recorded notification, and the fingerprint of the request that created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedState {
    /// The status.
    pub status: Status,
    /// The channel's name.
    pub channel: Channel,
    /// The fingerprint; `None` without an idempotency key, and in rows of older versions.
    pub fingerprint: Option<Fingerprint>,
    /// Whether retention has removed the payload. Such a notification is not replayed.
    pub payload_removed: bool,
}

impl RecordedState {
    /// Whether an inbox shows the notification, until it expires.
    #[must_use]
    pub fn is_visible_in_app(&self) -> bool {
        self.channel == Channel::InApp && self.status == Status::Processed
    }
}

/// Returns the states of those of `ids` that are recorded. `None` stands for a status or a channel of a newer version.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn recorded_states(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, Option<RecordedState>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT message_id, status, type, fingerprint, payload_removed_at IS NOT NULL
             FROM notifications WHERE message_id = ANY($1)",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| (MessageId::from(row.get::<_, Uuid>(0)), state(row)))
        .collect())
}

/// The fingerprint in a row.
pub(super) fn fingerprint(bytes: Option<&[u8]>) -> Option<Fingerprint> {
    bytes.and_then(Fingerprint::from_bytes)
}

fn state(row: &Row) -> Option<RecordedState> {
    Some(RecordedState {
        status: row.get::<_, &str>(1).parse().ok()?,
        channel: row.get::<_, &str>(2).parse().ok()?,
        fingerprint: fingerprint(row.get(3)),
        payload_removed: row.get(4),
    })
}
