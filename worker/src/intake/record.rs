use std::collections::HashMap;

use tidings_broker::{Failure, WaitTime};
use tidings_db::notifications::{self, Inserted, RecordedState};
use tidings_db::{Database, DbError, DbErrorKind, users};
use tidings_domain::notification::{MessageId, Notification, Status, UserId, payload_problem};

use crate::consumer::{MessageOutcome, ProcessError};

/// The result of recording one notification.
#[derive(Clone, Debug)]
pub(super) enum RecordResult {
    /// The row is new, with this status.
    Recorded(Status),
    /// The row existed before.
    Existed(RecordedState),
    /// The notification cannot be recorded now, or ever.
    Failed(MessageOutcome),
}

/// Records a batch without duplicate message ids. If PostgreSQL refuses the batch, which is rare, splits it
/// until the refused notifications are found, so that the others are recorded.
///
/// # Errors
///
/// Fails if PostgreSQL is unavailable, or if it is unclear whether the notifications are the cause.
pub(super) async fn record(
    database: &Database,
    batch: Vec<&Notification>,
) -> Result<HashMap<MessageId, RecordResult>, ProcessError> {
    let mut results = HashMap::with_capacity(batch.len());
    let mut remaining = vec![batch];
    while let Some(part) = remaining.pop() {
        if part.is_empty() {
            continue;
        }
        match insert(database, &part).await {
            Ok(recorded) => results.extend(recorded),
            Err(error) => match error.kind() {
                DbErrorKind::MissingReference => {
                    remaining.push(without_unknown_users(database, part, &mut results).await?);
                }
                DbErrorKind::InvalidData if part.len() == 1 => {
                    let failure = Failure::new("rejected_by_database", error.to_string());
                    results.insert(
                        part[0].message_id,
                        RecordResult::Failed(MessageOutcome::DeadLetter(failure)),
                    );
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
) -> Result<Vec<(MessageId, RecordResult)>, DbError> {
    database
        .run(async |client| {
            let recorded = notifications::insert_batch(client, batch).await?;
            results(client, batch, &recorded).await
        })
        .await
}

async fn results(
    client: &tidings_db::Client,
    batch: &[&Notification],
    recorded: &Inserted,
) -> Result<Vec<(MessageId, RecordResult)>, DbError> {
    let ids = || batch.iter().map(|notification| notification.message_id);
    let others: Vec<MessageId> = ids().filter(|id| !recorded.contains_key(id)).collect();
    let existing = if others.is_empty() {
        HashMap::new()
    } else {
        notifications::recorded_states(client, &others).await?
    };
    let result = |id| match existing.get(&id) {
        _ if let Some(status) = recorded.get(&id) => RecordResult::Recorded(*status),
        Some(Some(row)) => RecordResult::Existed(*row),
        // A newer version, which knows the status, may take the message.
        Some(None) => RecordResult::Failed(MessageOutcome::defer(WaitTime::HalfMinute)),
        None => RecordResult::Failed(MessageOutcome::Retry(Failure::new(
            "row_vanished",
            "the row existed at the insert and was deleted immediately after".to_owned(),
        ))),
    };
    Ok(ids().map(|id| (id, result(id))).collect())
}

/// Fails the notifications whose user does not exist (yet), and returns the others.
async fn without_unknown_users<'a>(
    database: &Database,
    batch: Vec<&'a Notification>,
    results: &mut HashMap<MessageId, RecordResult>,
) -> Result<Vec<&'a Notification>, ProcessError> {
    let ids: Vec<UserId> = batch
        .iter()
        .map(|notification| notification.user_id)
        .collect();
    let existing = database
        .run(async |client| users::existing(client, &ids).await)
        .await?;
    let (known, unknown): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .partition(|notification| existing.contains(&notification.user_id));
    if unknown.is_empty() {
        // The user may have been created meanwhile. The error causes a pause; without one this could loop.
        let text = "a foreign key is violated, but all users exist";
        return Err(ProcessError::Environment(text.to_owned()));
    }
    for notification in unknown {
        let failure = Failure::new(
            "unknown_user",
            format!("there is no user {}", notification.user_id),
        );
        results.insert(
            notification.message_id,
            RecordResult::Failed(MessageOutcome::Retry(failure)),
        );
    }
    Ok(known)
}
