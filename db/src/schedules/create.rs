use tidings_domain::category::CategoryName;
use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{Fingerprint, GroupKey, ScheduleId};
use tidings_domain::schedule::ScheduleDefinition;
use uuid::Uuid;

use super::ScheduleRow;
use super::row::COLUMNS;
use crate::error::DbError;
use crate::{GenericClient, Transaction, clock, users};

/// The maximum number of schedules of a sender.
pub const MAX_PER_SENDER: i64 = 1000;

/// The class of the advisory locks of senders; "schd" in ASCII.
const SENDER_LOCK: i32 = 0x7363_6864;

/// A schedule to create.
#[derive(Clone, Copy, Debug)]
pub struct NewSchedule<'a> {
    /// What it sends, and when.
    pub definition: &'a ScheduleDefinition,
    /// Identifies the request, so that a repeated one creates no second schedule.
    pub key: Option<RequestKey>,
}

/// Identifies a request that creates a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The UUID of the caller and its idempotency key.
    pub id: Uuid,
    /// Distinguishes the request from others with the same key.
    pub fingerprint: Fingerprint,
}

/// The result of [`create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateResult {
    /// The schedule is created.
    Created(ScheduleRow),
    /// The same request has created this schedule before.
    Existing(ScheduleRow),
    /// Another request with the same key has created a schedule before.
    KeyReused,
    /// The sender has [`MAX_PER_SENDER`] schedules.
    LimitReached,
    /// The target user does not exist.
    UnknownUser,
    /// The schedule has no occurrence from now until it ends.
    Never,
}

/// Creates a schedule, with its first occurrence after now.
///
/// Locks the sender until the transaction ends, so that concurrent calls for one sender count one after the other. The
/// transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed during the wait for the
/// lock.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn create(
    transaction: &Transaction<'_>,
    new: NewSchedule<'_>,
) -> Result<CreateResult, DbError> {
    let definition = new.definition;
    lock_sender(transaction, &definition.sender).await?;
    if let Some(key) = new.key
        && let Some((row, fingerprint)) = find_key(transaction, key.id).await?
    {
        return Ok(if Fingerprint::differ(fingerprint, Some(key.fingerprint)) {
            CreateResult::KeyReused
        } else {
            CreateResult::Existing(row)
        });
    }
    if !users::exists(transaction, definition.user_id).await? {
        return Ok(CreateResult::UnknownUser);
    }
    if count(transaction, &definition.sender).await? >= MAX_PER_SENDER {
        return Ok(CreateResult::LimitReached);
    }
    let now = clock::now(transaction).await?;
    let Ok(first) = definition.recurrence.first(now) else {
        return Ok(CreateResult::Never);
    };
    let sql = format!(
        "INSERT INTO schedules (id, sender, target_user_id, type, payload, template_name, template_locale, group_key,
                                ttl_secs, cron, timezone, starts_at, ends_at, grace_secs, next_at, key_id, fingerprint,
                                category, digest_key)
         VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let columns = DefinitionColumns::of(definition);
    let row = transaction
        .query_one(
            &statement,
            &[
                &ScheduleId::generate().as_uuid(),
                &definition.sender,
                &definition.user_id.as_uuid(),
                &definition.channel.as_str(),
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
                &first,
                &new.key.map(|key| key.id),
                &new.key.as_ref().map(|key| key.fingerprint.as_bytes()),
                &columns.category,
                &columns.digest_key,
            ],
        )
        .await?;
    Ok(CreateResult::Created(ScheduleRow::from(&row)))
}

/// The columns of a definition that have another type in the table.
pub(super) struct DefinitionColumns<'a> {
    pub(super) template_name: Option<&'a str>,
    pub(super) template_locale: Option<&'a str>,
    pub(super) group: Option<&'a str>,
    pub(super) category: Option<&'a str>,
    pub(super) digest_key: Option<&'a str>,
    pub(super) ttl_secs: Option<i32>,
    pub(super) grace_secs: i32,
}

impl<'a> DefinitionColumns<'a> {
    pub(super) fn of(definition: &'a ScheduleDefinition) -> Self {
        let integer = |seconds| i32::try_from(seconds).unwrap_or(i32::MAX);
        let template = definition.template.as_ref();
        Self {
            template_name: template.map(|template| template.name.as_str()),
            template_locale: template.and_then(|template| template.locale.as_deref()),
            group: definition.group.as_ref().map(GroupKey::as_str),
            category: definition.category.as_ref().map(CategoryName::as_str),
            digest_key: definition.digest_key.as_ref().map(DigestKey::as_str),
            ttl_secs: definition.ttl_secs.map(integer),
            grace_secs: integer(definition.grace.as_secs()),
        }
    }
}

/// Waits until no other transaction creates schedules of this sender. Senders with the same hash wait for each other.
async fn lock_sender(transaction: &Transaction<'_>, sender: &str) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock($1, hashtext($2))")
        .await?;
    transaction
        .query_one(&statement, &[&SENDER_LOCK, &sender])
        .await?;
    Ok(())
}

async fn find_key(
    client: &impl GenericClient,
    key: Uuid,
) -> Result<Option<(ScheduleRow, Option<Fingerprint>)>, DbError> {
    let sql = format!("SELECT {COLUMNS}, fingerprint FROM schedules WHERE key_id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&key]).await?;
    Ok(row.map(|row| {
        let fingerprint: Option<&[u8]> = row.get("fingerprint");
        let fingerprint = fingerprint.and_then(Fingerprint::from_bytes);
        (ScheduleRow::from(&row), fingerprint)
    }))
}

async fn count(client: &impl GenericClient, sender: &str) -> Result<i64, DbError> {
    let statement = client
        .prepare_cached("SELECT count(*) FROM schedules WHERE sender = $1")
        .await?;
    Ok(client.query_one(&statement, &[&sender]).await?.get(0))
}
