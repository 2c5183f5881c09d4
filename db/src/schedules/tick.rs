//! Runs the schedules that are due: what the schedulers of the workers do.
//!
//! One tick is one transaction: it creates the notifications of the due occurrences and moves the schedules on, or does
//! nothing. The message id of a notification depends on the schedule and the occurrence only, so an occurrence never creates
//! a second notification, whoever runs it, and after whatever crash.

mod due;
mod plan;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Notification, ScheduleId, UserId};
use uuid::Uuid;

use self::due::lock_due;
use self::plan::Plan;
use crate::database::Database;
use crate::error::{DbError, DbErrorKind};
use crate::notifications::{InsertedRow, RecordedBy, count_recorded, insert_batch_by};
use crate::savepoint::with_savepoint;
use crate::transaction::TransactionOptions;
use crate::{Transaction, clock, templates};

/// After this time, a tick leaves further schedules to the next one, so that their rows are not locked for long. To count
/// the occurrences that a long outage has skipped takes time.
const PLANNING_TIME: Duration = Duration::from_millis(500);

/// What a tick has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Notifications that were created.
    pub created: usize,
    /// The users of the in-app notifications among them, which are visible at once.
    pub in_app_users: Vec<UserId>,
    /// Occurrences that did not run, because they were too late or a later one ran, or because of a failure.
    pub skipped: u64,
    /// The schedules that failed and are paused now, with their reasons.
    pub failed: Vec<(ScheduleId, String)>,
    /// Whether more schedules are probably due.
    pub more: bool,
}

/// Runs up to `limit` schedules that are due, in one transaction: see [`run_due`].
///
/// # Errors
///
/// Returns an error, and changes nothing, if PostgreSQL is unavailable.
pub async fn tick(database: &Database, limit: u32) -> Result<Tick, DbError> {
    let (tick, created) = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let now = clock::now(transaction).await?;
            run(transaction, now, limit).await
        })
        .await?;
    for (notification, row) in created {
        count_recorded(&notification, row, RecordedBy::Schedule);
    }
    Ok(tick)
}

/// Runs up to `limit` schedules that are due at `now`, the oldest first. Leaves out those that another scheduler has locked.
///
/// A schedule that cannot run is paused with its reason, and the others run.
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable. The transaction must then be rolled back.
pub async fn run_due(
    transaction: &Transaction<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Tick, DbError> {
    let (tick, _) = run(transaction, now, limit).await?;
    Ok(tick)
}

/// Like [`run_due`]. Also returns the notifications that were created.
async fn run(
    transaction: &Transaction<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<(Tick, Vec<(Notification, InsertedRow)>), DbError> {
    let (rows, mut more) = lock_due(transaction, now, limit).await?;
    if rows.is_empty() {
        return Ok((Tick::default(), Vec::new()));
    }
    let started = Instant::now();
    let mut plans: Vec<Plan> = Vec::with_capacity(rows.len());
    for row in &rows {
        if !plans.is_empty() && started.elapsed() > PLANNING_TIME {
            more = true;
            break;
        }
        plans.push(Plan::of(row, now));
        // Other tasks of the thread go on between two long computations.
        tokio::task::yield_now().await;
    }
    check_templates(transaction, &mut plans).await?;
    let created = insert(transaction, &mut plans).await?;
    write(transaction, &plans).await?;
    let notifications = plans.iter().filter_map(|plan| plan.notification.as_ref());
    let created = notifications
        .filter_map(|one| Some((one.clone(), *created.get(&one.message_id)?)))
        .collect::<Vec<_>>();
    let in_app = created
        .iter()
        .filter(|(one, _)| one.channel == Channel::InApp);
    let tick = Tick {
        in_app_users: in_app.filter_map(|(one, _)| one.user_id).collect(),
        created: created.len(),
        skipped: plans.iter().map(|plan| plan.skipped).sum(),
        failed: plans
            .into_iter()
            .filter_map(|plan| Some((plan.id, plan.failure?)))
            .collect(),
        more,
    };
    Ok((tick, created))
}

/// Fails the schedules whose template does not exist: all their notifications would become dead letters.
async fn check_templates(transaction: &Transaction<'_>, plans: &mut [Plan]) -> Result<(), DbError> {
    let mut exists: HashMap<(Channel, TemplateRef), bool> = HashMap::new();
    for plan in plans {
        let Some(notification) = &plan.notification else {
            continue;
        };
        let Some(template) = notification.template.clone() else {
            continue;
        };
        let key = (notification.channel, template);
        let found = if let Some(found) = exists.get(&key) {
            *found
        } else {
            let (channel, template) = &key;
            let locale = template.locale.as_deref();
            let found = templates::resolves(transaction, &template.name, *channel, locale).await?;
            exists.insert(key.clone(), found);
            found
        };
        if !found {
            let (channel, template) = key;
            plan.fail(format!(
                "template_missing: there is no template {} for {channel}",
                template.name
            ));
        }
    }
    Ok(())
}

/// Inserts the notifications, together if possible. Otherwise each has a savepoint of its own, and those that PostgreSQL
/// refuses fail alone. Returns those that did not exist.
async fn insert(
    transaction: &Transaction<'_>,
    plans: &mut [Plan],
) -> Result<HashMap<MessageId, InsertedRow>, DbError> {
    let all: Vec<&Notification> = plans
        .iter()
        .filter_map(|plan| plan.notification.as_ref())
        .collect();
    if let Ok(inserted) = insert_batch(transaction, &all).await? {
        return Ok(inserted);
    }
    let mut inserted = HashMap::new();
    for plan in plans {
        let Some(notification) = &plan.notification else {
            continue;
        };
        match insert_batch(transaction, &[notification]).await? {
            Ok(one) => inserted.extend(one),
            Err(error) => plan.fail(failure(&error)),
        }
    }
    Ok(inserted)
}

async fn insert_batch(
    transaction: &Transaction<'_>,
    batch: &[&Notification],
) -> Result<Result<HashMap<MessageId, InsertedRow>, DbError>, DbError> {
    if batch.is_empty() {
        return Ok(Ok(HashMap::new()));
    }
    let inserting = insert_batch_by(transaction, batch, RecordedBy::Schedule);
    with_savepoint(transaction, inserting).await
}

/// The reason of a schedule whose notification PostgreSQL has refused.
fn failure(error: &DbError) -> String {
    match error.kind() {
        DbErrorKind::MissingReference => {
            "unknown_user: the target user does not exist any more".to_owned()
        }
        _ => format!("not_storable: {error}"),
    }
}

/// Writes what happened to the rows, which the transaction has locked.
async fn write(transaction: &Transaction<'_>, plans: &[Plan]) -> Result<(), DbError> {
    let ids: Vec<Uuid> = plans.iter().map(|plan| plan.id.as_uuid()).collect();
    let next_at: Vec<Option<Timestamp>> = plans.iter().map(|plan| plan.next_at).collect();
    let last_at: Vec<Option<Timestamp>> = plans.iter().map(Plan::ran_at).collect();
    let skipped: Vec<i64> = plans
        .iter()
        .map(|plan| i64::try_from(plan.skipped).unwrap_or(i64::MAX))
        .collect();
    let reasons: Vec<Option<&str>> = plans.iter().map(|plan| plan.failure.as_deref()).collect();
    let statement = transaction
        .prepare_cached(
            "UPDATE schedules
             SET next_at = change.next_at, last_at = coalesce(change.last_at, schedules.last_at),
                 skipped = schedules.skipped + change.skipped,
                 paused = change.reason IS NOT NULL, reason = left(change.reason, 500)
             FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::text[])
                  AS change (id, next_at, last_at, skipped, reason)
             WHERE schedules.id = change.id",
        )
        .await?;
    transaction
        .execute(&statement, &[&ids, &next_at, &last_at, &skipped, &reasons])
        .await?;
    Ok(())
}
