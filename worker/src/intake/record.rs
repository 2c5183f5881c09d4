use std::collections::HashMap;

use tidings_broker::Failure;
use tidings_db::notifications::{self, InsertedIds, RecordedState};
use tidings_db::{Database, DbError, DbErrorKind, users};
use tidings_domain::notification::{MessageId, Notification, UserId, payload_problem};

use super::surroundings;
use crate::consumer::{Outcome, Surroundings};

/// What became of one notification of a batch.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// Its row is new.
    Recorded,
    /// It was recorded before.
    Existed(RecordedState),
    /// It cannot be recorded now, or ever.
    Failed(Outcome),
}

/// Records a batch, of which no two have the same message id. One statement does it where all can
/// be stored, which is nearly always; otherwise the ones that cannot are found and set apart, at no
/// cost to the others.
///
/// # Errors
///
/// Where the database is away.
pub(super) async fn record(
    database: &Database,
    batch: Vec<&Notification>,
) -> Result<HashMap<MessageId, Fate>, Surroundings> {
    let mut fates = HashMap::with_capacity(batch.len());
    let mut left = vec![batch];
    while let Some(part) = left.pop() {
        if part.is_empty() {
            continue;
        }
        match insert(database, &part).await {
            Ok(settled) => fates.extend(settled),
            Err(error) => match error.kind() {
                DbErrorKind::MissingReference => {
                    left.push(without_unknown_users(database, part, &mut fates).await?);
                }
                DbErrorKind::InvalidData if part.len() == 1 => {
                    let failure = Failure::new("rejected_by_database", error.to_string());
                    fates.insert(
                        part[0].message_id,
                        Fate::Failed(Outcome::DeadLetter(failure)),
                    );
                }
                DbErrorKind::InvalidData => left.extend(taken_apart(part)),
                DbErrorKind::Environment | DbErrorKind::Unclear => return Err(surroundings(error)),
            },
        }
    }
    Ok(fates)
}

/// Two parts of a batch that PostgreSQL refused: first the ones that look as if they were the cause
/// and the others, so that the others are through at once; then halves.
fn taken_apart(batch: Vec<&Notification>) -> [Vec<&Notification>; 2] {
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
    // The one that is last is tried first.
    [suspects, others]
}

/// Records those that are not there yet and tells where the others stand.
async fn insert(
    database: &Database,
    batch: &[&Notification],
) -> Result<Vec<(MessageId, Fate)>, DbError> {
    database
        .run(async |client| {
            let recorded = notifications::insert_batch(client, batch).await?;
            fates(client, batch, &recorded).await
        })
        .await
}

async fn fates(
    client: &tidings_db::Client,
    batch: &[&Notification],
    recorded: &InsertedIds,
) -> Result<Vec<(MessageId, Fate)>, DbError> {
    let ids = || batch.iter().map(|notification| notification.message_id);
    let others: Vec<MessageId> = ids().filter(|id| !recorded.contains(id)).collect();
    let standings = if others.is_empty() {
        HashMap::new()
    } else {
        notifications::recorded_states(client, &others).await?
    };
    let fate = |id| match standings.get(&id) {
        _ if recorded.contains(&id) => Fate::Recorded,
        Some(standing) => Fate::Existed(*standing),
        None => Fate::Failed(Outcome::Retry(Failure::new(
            "row_vanished",
            "the row was there at the insert and gone right after".to_owned(),
        ))),
    };
    Ok(ids().map(|id| (id, fate(id))).collect())
}

/// Sets those apart whose user does not exist, or not yet, and returns the others.
async fn without_unknown_users<'a>(
    database: &Database,
    batch: Vec<&'a Notification>,
    fates: &mut HashMap<MessageId, Fate>,
) -> Result<Vec<&'a Notification>, Surroundings> {
    let ids: Vec<UserId> = batch
        .iter()
        .map(|notification| notification.user_id)
        .collect();
    let existing = database
        .run(async |client| users::existing(client, &ids).await)
        .await
        .map_err(surroundings)?;
    let (known, unknown): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .partition(|notification| existing.contains(&notification.user_id));
    if unknown.is_empty() {
        // Made since, perhaps; but without a pause this could go round and round.
        let text = "PostgreSQL misses a reference, but all users exist";
        return Err(Surroundings::Away(text.to_owned()));
    }
    for notification in unknown {
        let failure = Failure::new(
            "unknown_user",
            format!("there is no user {}", notification.user_id),
        );
        fates.insert(
            notification.message_id,
            Fate::Failed(Outcome::Retry(failure)),
        );
    }
    Ok(known)
}
