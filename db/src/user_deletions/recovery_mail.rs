use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use super::DeletionRow;
use super::waiting::waiting;
use crate::Transaction;
use crate::error::DbError;
use crate::user_deletions::DeletionStatus;

/// An e-mail that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedMail {
    /// The notification. While the deletion waits, this one is sent.
    pub message_id: MessageId,
    /// The deletion that its link cancels.
    pub deletion: DeletionRow,
}

/// Counts a recovery e-mail of a user into the day (in UTC) of `now`. Returns `None` if no deletion waits, or the day has
/// `per_day` already. The lock of the user's row makes the limit exact.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn count_recovery_mail(
    transaction: &Transaction<'_>,
    user: UserId,
    now: Timestamp,
    per_day: u32,
) -> Result<Option<CountedMail>, DbError> {
    let statement = transaction
        .prepare_cached("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .await?;
    transaction
        .query_opt(&statement, &[&user.as_uuid()])
        .await?;
    let deletion = waiting(transaction, user).await?;
    let Some(deletion) = deletion.filter(|one| one.status == DeletionStatus::Waiting) else {
        return Ok(None);
    };
    let statement = transaction
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE day = ($2::timestamptz AT TIME ZONE 'UTC')::date)
             FROM recovery_mails WHERE user_id = $1",
        )
        .await?;
    let counts = transaction
        .query_one(&statement, &[&user.as_uuid(), &now])
        .await?;
    let (all, today): (i64, i64) = (counts.get(0), counts.get(1));
    if today >= i64::from(per_day) {
        return Ok(None);
    }
    let id = Uuid::new_v5(&deletion.id, (all + 1).to_string().as_bytes());
    let statement = transaction
        .prepare_cached(
            "INSERT INTO recovery_mails (user_id, day, n, message_id)
             VALUES ($1, ($2::timestamptz AT TIME ZONE 'UTC')::date, $3::bigint::integer, $4)",
        )
        .await?;
    transaction
        .execute(&statement, &[&user.as_uuid(), &now, &(today + 1), &id])
        .await?;
    Ok(Some(CountedMail {
        message_id: id.into(),
        deletion,
    }))
}
