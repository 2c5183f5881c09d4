//! Records a batch of notifications, and finds the ones that PostgreSQL refuses.

use std::collections::HashMap;

use tidings_domain::notification::{Fingerprint, MessageId, Notification, UserId, payload_problem};
use tidings_domain::time::Timezone;

use super::count::count_recorded;
use super::insert::{
    InsertedRows, RecordedBy, RecordedState, insert_batch_by, insert_or_collect, recorded_states,
};
use crate::database::Database;
use crate::digests;
use crate::error::{DbError, DbErrorKind};
use crate::users;

/// The result of recording one notification.
#[derive(Clone, Debug)]
pub enum RecordResult {
    /// The row is new.
    Recorded(RecordedState),
    /// The row existed before.
    Existed(RecordedState),
    /// The row existed before, with a status or a channel of a newer version.
    ExistedNewer,
    /// The row existed at the insert and was deleted immediately after.
    Vanished,
    /// The target user does not exist, or not yet.
    UnknownUser(UserId),
    /// PostgreSQL can never store the notification. Contains its error.
    NotStorable(String),
}

impl RecordResult {
    /// Whether the row is known to be that of another request than `notification`: its caller has reused an idempotency
    /// key. Ask this for every copy of a message id, because the batch has only one.
    #[must_use]
    pub fn is_of_another_request(&self, notification: &Notification) -> bool {
        match self {
            Self::Recorded(row) | Self::Existed(row) => {
                Fingerprint::differ(row.fingerprint, notification.fingerprint)
            }
            _ => false,
        }
    }
}

/// Why a batch could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// PostgreSQL is unavailable, or it is not known which notification is the cause.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A user may have been created between two statements. An immediate repetition could loop.
    #[error("a foreign key is violated, but all users exist")]
    AllUsersExist,
}

/// Records a batch without duplicate message ids. If PostgreSQL refuses the batch, which is rare, splits it
/// until the refused notifications are found, so that the others are recorded.
///
/// # Errors
///
/// Fails if PostgreSQL is unavailable, or if it is unclear whether the notifications are the cause.
pub async fn record(
    database: &Database,
    batch: Vec<&Notification>,
    by: RecordedBy,
) -> Result<HashMap<MessageId, RecordResult>, RecordError> {
    record_parts(database, batch, Way::Plain(by)).await
}

/// Like [`record`], for the intake: notifications that are collected become items of digests. `default_timezone` is that of
/// users who have set none.
///
/// # Errors
///
/// As [`record`].
pub async fn record_by_intake(
    database: &Database,
    batch: Vec<&Notification>,
    default_timezone: &Timezone,
) -> Result<HashMap<MessageId, RecordResult>, RecordError> {
    record_parts(database, batch, Way::Collecting { default_timezone }).await
}

/// How notifications are recorded.
#[derive(Clone, Copy)]
enum Way<'a> {
    Plain(RecordedBy),
    Collecting { default_timezone: &'a Timezone },
}

async fn record_parts(
    database: &Database,
    batch: Vec<&Notification>,
    way: Way<'_>,
) -> Result<HashMap<MessageId, RecordResult>, RecordError> {
    let mut results = HashMap::with_capacity(batch.len());
    let mut remaining = vec![batch];
    while let Some(part) = remaining.pop() {
        if part.is_empty() {
            continue;
        }
        match insert(database, &part, way).await {
            Ok(recorded) => results.extend(recorded),
            Err(error) => match error.kind() {
                DbErrorKind::MissingReference => {
                    remaining.push(without_unknown_users(database, part, &mut results).await?);
                }
                DbErrorKind::InvalidData if part.len() == 1 => {
                    let result = RecordResult::NotStorable(error.to_string());
                    results.insert(part[0].message_id, result);
                }
                DbErrorKind::InvalidData => remaining.extend(split(part)),
                DbErrorKind::Environment | DbErrorKind::Unclear => return Err(error.into()),
            },
        }
    }
    Ok(results)
}

/// Splits a batch that PostgreSQL refused into the notifications whose payload is probably the cause and the
/// others. Splits the batch into halves if one of these parts would be empty.
fn split(batch: Vec<&Notification>) -> [Vec<&Notification>; 2] {
    let suspect =
        |notification: &&Notification| payload_problem(notification.payload.get()).is_some();
    let (suspects, mut others): (Vec<_>, Vec<_>) = batch.into_iter().partition(suspect);
    if suspects.is_empty() || others.is_empty() {
        let mut first = if others.is_empty() {
            suspects
        } else {
            std::mem::take(&mut others)
        };
        let second = first.split_off(first.len() / 2);
        return [first, second];
    }
    // The last part is recorded first.
    [suspects, others]
}

/// Inserts the notifications that have no row, and reads the status of the others.
async fn insert(
    database: &Database,
    batch: &[&Notification],
    way: Way<'_>,
) -> Result<Vec<(MessageId, RecordResult)>, DbError> {
    let default_timezone = match way {
        Way::Plain(by) => {
            let recorded = database
                .run(async |client| insert_batch_by(client, batch, by).await)
                .await?;
            count(batch, &recorded, by);
            return results(database, batch, &recorded).await;
        }
        Way::Collecting { default_timezone } => default_timezone,
    };
    let by = RecordedBy::Intake;
    let (mut recorded, collected) = database
        .run(async |client| insert_or_collect(client, batch).await)
        .await?;
    count(batch, &recorded, by);
    if collected.is_empty() {
        return results(database, batch, &recorded).await;
    }
    // If this fails, the whole batch comes again, and finds the others recorded.
    let items = digests::record_items(database, &collected, default_timezone).await?;
    count(batch, &items, by);
    recorded.extend(items);
    results(database, batch, &recorded).await
}

/// Counts what is recorded, before anything else can fail. Call this after the commit: with `DATABASE_POOLER=transaction`, a
/// statement is not committed before the end of [`Database::run`], which may repeat it.
fn count(batch: &[&Notification], recorded: &InsertedRows, by: RecordedBy) {
    for notification in batch {
        if let Some(row) = recorded.get(&notification.message_id) {
            count_recorded(notification, *row, by);
        }
    }
}

async fn results(
    database: &Database,
    batch: &[&Notification],
    inserted: &InsertedRows,
) -> Result<Vec<(MessageId, RecordResult)>, DbError> {
    let ids = || batch.iter().map(|notification| notification.message_id);
    let others: Vec<MessageId> = ids().filter(|id| !inserted.contains_key(id)).collect();
    let existing = if others.is_empty() {
        HashMap::new()
    } else {
        database
            .run(async |client| recorded_states(client, &others).await)
            .await?
    };
    let result = |notification: &Notification| {
        let id = notification.message_id;
        match existing.get(&id) {
            _ if let Some(row) = inserted.get(&id) => RecordResult::Recorded(RecordedState {
                status: row.status,
                channel: notification.channel,
                fingerprint: notification.fingerprint,
                payload_removed: false,
            }),
            Some(Some(row)) => RecordResult::Existed(*row),
            Some(None) => RecordResult::ExistedNewer,
            None => RecordResult::Vanished,
        }
    };
    Ok(batch
        .iter()
        .map(|notification| (notification.message_id, result(notification)))
        .collect())
}

/// Fails the notifications whose user does not exist (yet), and returns the others.
async fn without_unknown_users<'a>(
    database: &Database,
    batch: Vec<&'a Notification>,
    results: &mut HashMap<MessageId, RecordResult>,
) -> Result<Vec<&'a Notification>, RecordError> {
    let ids: Vec<UserId> = batch
        .iter()
        .filter_map(|notification| notification.user_id)
        .collect();
    let existing = database
        .run(async |client| users::existing(client, &ids).await)
        .await?;
    let in_batch = batch.len();
    let mut known = Vec::with_capacity(in_batch);
    for one in batch {
        match one.user_id.filter(|user| !existing.contains(user)) {
            None => known.push(one),
            Some(user) => {
                results.insert(one.message_id, RecordResult::UnknownUser(user));
            }
        }
    }
    if known.len() == in_batch {
        return Err(RecordError::AllUsersExist);
    }
    Ok(known)
}
