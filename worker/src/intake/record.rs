use std::collections::{HashMap, HashSet};

use tidings_broker::{Failure, WaitTime};
use tidings_db::Database;
use tidings_db::notifications::{self, RecordError, RecordedState};
use tidings_domain::notification::{Fingerprint, MessageId, Notification};
use tidings_domain::time::Timezone;

use crate::consumer::{MessageOutcome, ProcessError};
use crate::delivery::WITHHELD;

/// The result of recording one notification.
#[derive(Clone, Debug)]
pub(super) enum RecordResult {
    /// The row is new.
    Recorded(RecordedState),
    /// The row existed before.
    Existed(RecordedState),
    /// The notification cannot be recorded now, or ever.
    Failed(MessageOutcome),
}

impl RecordResult {
    /// The result for one of the messages with this id. If the row is that of another request with the same idempotency
    /// key, the message is a dead letter.
    pub(super) fn of_message(self, notification: &Notification) -> Self {
        match self {
            Self::Recorded(row) | Self::Existed(row)
                if Fingerprint::differ(row.fingerprint, notification.fingerprint) =>
            {
                let detail = "another notification was recorded under this idempotency key";
                let failure = Failure::new(Failure::IDEMPOTENCY_KEY_REUSED, detail);
                Self::Failed(MessageOutcome::DeadLetter(failure))
            }
            result => result,
        }
    }
}

/// Records a batch without duplicate message ids.
///
/// # Errors
///
/// Fails if PostgreSQL is unavailable, or if it is unclear whether the notifications are the cause.
pub(super) async fn record(
    database: &Database,
    batch: Vec<&Notification>,
    default_timezone: &Timezone,
) -> Result<HashMap<MessageId, RecordResult>, ProcessError> {
    // What PostgreSQL says about these may quote the payload.
    let sensitive: HashSet<MessageId> = batch
        .iter()
        .filter(|notification| notification.sensitive)
        .map(|notification| notification.message_id)
        .collect();
    let recorded = notifications::record_by_intake(database, batch, default_timezone).await;
    let recorded = recorded.map_err(|error| match error {
        RecordError::Database(error) => ProcessError::from(error),
        // The error causes a pause.
        error @ RecordError::AllUsersExist => ProcessError::Environment(error.to_string()),
    })?;
    let result = |(id, result): (MessageId, _)| {
        let result = match result {
            notifications::RecordResult::Recorded(row) => RecordResult::Recorded(row),
            notifications::RecordResult::Existed(row) => RecordResult::Existed(row),
            // A newer version, which knows the status, may take the message.
            notifications::RecordResult::ExistedNewer => {
                RecordResult::Failed(MessageOutcome::defer(WaitTime::HalfMinute))
            }
            notifications::RecordResult::Vanished => retry(
                "row_vanished",
                "the row existed at the insert and was deleted immediately after".to_owned(),
            ),
            notifications::RecordResult::UnknownUser(user) => {
                retry("unknown_user", format!("there is no user {user}"))
            }
            notifications::RecordResult::NotStorable(error) => {
                let detail = if sensitive.contains(&id) {
                    WITHHELD.to_owned()
                } else {
                    error
                };
                let failure = Failure::new("rejected_by_database", detail);
                RecordResult::Failed(MessageOutcome::DeadLetter(failure))
            }
        };
        (id, result)
    };
    Ok(recorded.into_iter().map(result).collect())
}

fn retry(reason: &'static str, detail: String) -> RecordResult {
    RecordResult::Failed(MessageOutcome::Retry(Failure::new(reason, detail)))
}
