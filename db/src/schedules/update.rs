//! Changes of one schedule. Each locks its row, so it waits for a scheduler that runs the schedule at that moment.

use jiff::Timestamp;
use tidings_domain::notification::{ScheduleId, UserId};
use tidings_domain::schedule::ScheduleDefinition;

use super::create::DefinitionColumns;
use super::read::IN_SCOPE;
use super::row::COLUMNS;
use super::{InvalidScheduleRow, ScheduleRow};
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::notifications::SenderScope;
use crate::{GenericClient, Transaction, clock};

/// Locks the schedule `id` in `scope` until the transaction ends. Returns it with the time of the database, or `None` if
/// there is none.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn lock(
    transaction: &Transaction<'_>,
    id: ScheduleId,
    scope: &SenderScope,
) -> Result<Option<(ScheduleRow, Timestamp)>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE {IN_SCOPE} FOR NO KEY UPDATE");
    let statement = transaction.prepare_cached(&sql).await?;
    let user = scope.user.map(UserId::as_uuid);
    let row = transaction
        .query_opt(&statement, &[&id.as_uuid(), &scope.sender, &user])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let now = clock::now(transaction).await?;
    Ok(Some((ScheduleRow::from(&row), now)))
}

/// Gives a schedule that the transaction has locked another definition and next occurrence. Its sender, user and channel
/// stay.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rewrite(
    transaction: &Transaction<'_>,
    id: ScheduleId,
    definition: &ScheduleDefinition,
    next_at: Option<Timestamp>,
) -> Result<ScheduleRow, DbError> {
    let sql = format!(
        "UPDATE schedules
         SET payload = $2::text::jsonb, template_name = $3, template_locale = $4, group_key = $5, ttl_secs = $6,
             cron = $7, timezone = $8, starts_at = $9, ends_at = $10, grace_secs = $11, next_at = $12,
             category = $13, digest_key = $14, updated_at = now()
         WHERE id = $1
         RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let columns = DefinitionColumns::of(definition);
    let row = transaction
        .query_one(
            &statement,
            &[
                &id.as_uuid(),
                &definition.payload.get(),
                &columns.template_name,
                &columns.template_locale,
                &columns.group,
                &columns.ttl_secs,
                &definition.recurrence.pattern().as_str(),
                &definition.recurrence.timezone().name(),
                &definition.recurrence.starts_at(),
                &definition.recurrence.ends_at(),
                &columns.grace_secs,
                &next_at,
                &columns.category,
                &columns.digest_key,
            ],
        )
        .await?;
    Ok(ScheduleRow::from(&row))
}

/// Pauses a schedule, and writes an entry of the audit log. Once this is committed, the schedule creates no notification. One
/// that is paused stays as it is. Returns `None` if `scope` contains no such schedule.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn pause(
    transaction: &Transaction<'_>,
    id: ScheduleId,
    scope: &SenderScope,
    origin: &AuditOrigin,
) -> Result<Option<ScheduleRow>, DbError> {
    let Some((row, _)) = lock(transaction, id, scope).await? else {
        return Ok(None);
    };
    if row.paused {
        return Ok(Some(row));
    }
    let sql = format!(
        "UPDATE schedules SET paused = true, next_at = NULL, updated_at = now()
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction.query_one(&statement, &[&id.as_uuid()]).await?;
    let entry = origin.entry(Action::SchedulePause);
    audit::record(transaction, &entry.on(TargetKind::Schedule, id)).await?;
    Ok(Some(ScheduleRow::from(&row)))
}

/// The result of [`resume`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeResult {
    /// The schedule runs.
    Running(Box<ScheduleRow>),
    /// The schedule has no occurrence from now until it ends. It stays paused.
    Never,
    /// The schedule cannot run. It stays paused.
    Invalid(InvalidScheduleRow),
    /// There is no such schedule in the scope.
    NotFound,
}

/// Resumes a paused schedule at its first occurrence after now, and writes an entry of the audit log: what it missed while it
/// was paused is not made up for. One that runs stays as it is.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn resume(
    transaction: &Transaction<'_>,
    id: ScheduleId,
    scope: &SenderScope,
    origin: &AuditOrigin,
) -> Result<ResumeResult, DbError> {
    let Some((row, now)) = lock(transaction, id, scope).await? else {
        return Ok(ResumeResult::NotFound);
    };
    if !row.paused {
        return Ok(ResumeResult::Running(row.into()));
    }
    let definition = match row.definition() {
        Ok(definition) => definition,
        Err(error) => return Ok(ResumeResult::Invalid(error)),
    };
    let Ok(next_at) = definition.recurrence.first(now) else {
        return Ok(ResumeResult::Never);
    };
    let sql = format!(
        "UPDATE schedules SET paused = false, reason = NULL, next_at = $2, updated_at = now()
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction
        .query_one(&statement, &[&id.as_uuid(), &next_at])
        .await?;
    let entry = origin.entry(Action::ScheduleResume);
    audit::record(transaction, &entry.on(TargetKind::Schedule, id)).await?;
    Ok(ResumeResult::Running(Box::new(ScheduleRow::from(&row))))
}

/// Deletes a schedule. The notifications that it has created stay. Returns whether there was one in `scope`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete(
    client: &impl GenericClient,
    id: ScheduleId,
    scope: &SenderScope,
) -> Result<bool, DbError> {
    let sql = format!("DELETE FROM schedules WHERE {IN_SCOPE}");
    let statement = client.prepare_cached(&sql).await?;
    let user = scope.user.map(UserId::as_uuid);
    let deleted = client
        .execute(&statement, &[&id.as_uuid(), &scope.sender, &user])
        .await?;
    Ok(deleted == 1)
}
