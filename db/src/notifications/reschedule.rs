use jiff::Timestamp;
use tidings_domain::notification::{MessageId, Status, UserId};

use super::SenderScope;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::database::Database;
use crate::error::DbError;
use crate::transaction::TransactionOptions;

/// The result of giving a notification another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RescheduleResult {
    /// The time is changed.
    Rescheduled,
    /// The notification would expire at this time or before.
    ExpiresBefore,
    /// The notification has another status. `None` stands for one of a newer version.
    NotScheduled(Option<Status>),
    /// The notification is not recorded, or belongs to another sender.
    NotFound,
}

/// Gives a scheduled notification another time; `None` stands for now. A release in progress counts no more. Writes an entry of
/// the audit log.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn reschedule(
    database: &Database,
    id: MessageId,
    scope: &SenderScope,
    not_before: Option<Timestamp>,
    origin: &AuditOrigin,
) -> Result<RescheduleResult, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let statement = transaction
                .prepare_cached(
                    "SELECT status, expires_at <= coalesce($4, now())
                     FROM notifications
                     WHERE message_id = $1 AND ($2::text IS NULL OR sender = $2)
                           AND ($3::uuid IS NULL OR user_id = $3)
                     FOR NO KEY UPDATE",
                )
                .await?;
            let user = scope.user.map(UserId::as_uuid);
            let row = transaction
                .query_opt(
                    &statement,
                    &[&id.as_uuid(), &scope.sender, &user, &not_before],
                )
                .await?;
            let Some(row) = row else {
                return Ok(RescheduleResult::NotFound);
            };
            match row.get::<_, &str>(0).parse().ok() {
                Some(Status::Scheduled) => {}
                other => return Ok(RescheduleResult::NotScheduled(other)),
            }
            if row.get::<_, Option<bool>>(1).unwrap_or(false) {
                return Ok(RescheduleResult::ExpiresBefore);
            }
            let statement = transaction
                .prepare_cached(
                    "UPDATE notifications
                     SET not_before = coalesce($2, now()), reason = 'schedule', release_until = NULL,
                         -- An item leaves its digest, and is collected again when its time has come.
                         digest_id = CASE WHEN not_before IS NOT NULL THEN digest_id END
                     WHERE message_id = $1",
                )
                .await?;
            transaction
                .execute(&statement, &[&id.as_uuid(), &not_before])
                .await?;
            let send_at = not_before.map_or_else(|| "now".to_owned(), |time| time.to_string());
            let entry = origin
                .entry(Action::NotificationReschedule)
                .on(TargetKind::Notification, id)
                .with("sendAt", send_at);
            audit::record(transaction, &entry).await?;
            Ok(RescheduleResult::Rescheduled)
        })
        .await
}
