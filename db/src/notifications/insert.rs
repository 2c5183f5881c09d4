use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::category::CategoryName;
use tidings_domain::decision::{Candidate, Decision, HoldReason, LimitState, decide};
use tidings_domain::notification::{
    Channel, Fingerprint, GroupKey, MessageId, Notification, Status, UserId,
};
use tidings_domain::preference::AddressHash;
use tidings_domain::time::DeliveryWindow;
use tokio_postgres::Row;
use uuid::Uuid;

use super::preferences::{address_refuses, user_refuses};
use crate::GenericClient;
use crate::clock;
use crate::error::DbError;

/// The notifications of a batch that [`insert_batch`] inserted, with their status; the others existed before.
pub type Inserted = HashMap<MessageId, Status>;

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

/// Inserts a batch for the intake, in one statement. Leaves a notification as it is if its message id is already recorded.
/// [`decide`] says which status a notification gets: one that is sent now becomes `processed` if it is an in-app
/// notification, and `pending` otherwise.
///
/// # Errors
///
/// Returns an error and inserts nothing if one notification cannot be stored; [`DbError::kind`] says why.
pub async fn insert_batch(
    client: &impl GenericClient,
    batch: &[&Notification],
) -> Result<Inserted, DbError> {
    insert_batch_by(client, batch, RecordedBy::Intake).await
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
/// at once, if the API or a scheduler does.
///
/// Overlapping batches cannot deadlock, because rows are inserted in the order of their message ids.
///
/// # Errors
///
/// Returns an error and inserts nothing if one notification cannot be stored; [`DbError::kind`] says why.
#[expect(clippy::too_many_lines, reason = "one statement with its parameters")]
pub(crate) async fn insert_batch_by(
    client: &impl GenericClient,
    batch: &[&Notification],
    by: RecordedBy,
) -> Result<Inserted, DbError> {
    let mut batch: Vec<&Notification> = batch.to_vec();
    batch.sort_unstable_by_key(|notification| notification.message_id);
    let states = first_states(client, &batch, by).await?;
    let statuses: Vec<&str> = states.iter().map(|state| state.status.as_str()).collect();
    let not_before: Vec<Option<Timestamp>> = states.iter().map(|state| state.not_before).collect();
    let reasons: Vec<Option<&str>> = states
        .iter()
        .map(|state| state.reason.map(HoldReason::as_str))
        .collect();
    let column =
        |value: fn(&Notification) -> Uuid| batch.iter().map(|n| value(n)).collect::<Vec<_>>();
    let ids = column(|n| row_id(n.accepted_at));
    let users: Vec<Option<Uuid>> = batch
        .iter()
        .map(|n| n.user_id.map(UserId::as_uuid))
        .collect();
    let message_ids = column(|n| n.message_id.as_uuid());
    let types: Vec<&str> = batch.iter().map(|n| n.channel.as_str()).collect();
    let payloads: Vec<&str> = batch.iter().map(|n| n.payload.get()).collect();
    let accepted: Vec<Timestamp> = batch.iter().map(|n| n.accepted_at).collect();
    let templates = || batch.iter().map(|n| n.template.as_ref());
    let template_names: Vec<Option<&str>> =
        templates().map(|t| t.map(|t| t.name.as_str())).collect();
    let template_locales: Vec<Option<&str>> = templates()
        .map(|t| t.and_then(|t| t.locale.as_deref()))
        .collect();

    let senders: Vec<Option<&str>> = batch.iter().map(|n| n.sender.as_deref()).collect();
    let groups: Vec<Option<&str>> = batch
        .iter()
        .map(|n| n.group.as_ref().map(GroupKey::as_str))
        .collect();
    let expires_at: Vec<Option<Timestamp>> = batch.iter().map(|n| n.window.expires_at).collect();
    let fingerprints: Vec<Option<&[u8]>> = batch
        .iter()
        .map(|n| n.fingerprint.as_ref().map(Fingerprint::as_bytes))
        .collect();
    let sensitive: Vec<Option<bool>> = batch.iter().map(|n| n.sensitive.then_some(true)).collect();
    let hashes: Vec<Option<AddressHash>> = batch
        .iter()
        .map(|n| match n.user_id {
            Some(_) => None,
            None => AddressHash::of_payload(n.channel, n.payload.get()),
        })
        .collect();
    let hashes: Vec<Option<&[u8]>> = hashes
        .iter()
        .map(|hash| hash.as_ref().map(|hash| hash.as_bytes().as_slice()))
        .collect();
    let categories: Vec<Option<&str>> = batch
        .iter()
        .map(|n| n.category.as_ref().map(CategoryName::as_str))
        .collect();

    let (user_refuses, address_refuses) = (user_refuses("batch"), address_refuses("batch"));
    let sql = format!(
        "INSERT INTO notifications
                 (id, user_id, type, payload, status, message_id, created_at, processed_at,
                  template_name, template_locale, sender, not_before, expires_at, reason, group_key,
                  fingerprint, sensitive, payload_removed_at, category)
             SELECT id, user_id, type, CASE WHEN erased_at IS NULL THEN payload::jsonb ELSE '{{}}' END, first.status,
                    batch.message_id, created_at, CASE first.status WHEN 'processed' THEN now() END,
                    template_name, template_locale, batch.sender, not_before, expires_at,
                    CASE WHEN first.status <> 'suppressed' THEN reason WHEN first.gone THEN 'user_gone'
                         ELSE 'preference' END, group_key,
                    CASE WHEN erased_at IS NULL THEN fingerprint END,
                    CASE WHEN batch.sensitive OR template_name IS NOT NULL
                         THEN nullif(coalesce(batch.sensitive, template_is_sensitive(template_name, type)), false) END,
                    CASE WHEN erased_at IS NOT NULL THEN now() END, batch.category
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[],
                         $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[],
                         $13::text[], $14::text[], $15::bytea[], $16::boolean[],
                         $17::text[], $18::bytea[])
                  AS batch (id, user_id, type, payload, status, message_id, created_at,
                            template_name, template_locale, sender, not_before, expires_at, reason, group_key,
                            fingerprint, sensitive, category, address_hash)
                  -- The sender may have cancelled it before it was recorded.
                  LEFT JOIN LATERAL (SELECT 'cancelled' AS status FROM cancellations
                                     WHERE cancellations.message_id = batch.message_id
                                           AND cancellations.sender IN (batch.sender, '') LIMIT 1) AS cancelled ON true
                  LEFT JOIN (SELECT id AS target_id, deletion_id, erased_at, is_deleted FROM users) AS target
                       ON target_id = batch.user_id
                  -- A user who is deleted gets nothing. While the deletion waits, critical notifications and its recovery
                  -- e-mails go out.
                  CROSS JOIN LATERAL (
                      SELECT erased_at IS NOT NULL OR is_deleted
                             OR deletion_id IS NOT NULL
                                AND NOT EXISTS (SELECT FROM recovery_mails
                                                WHERE recovery_mails.message_id = batch.message_id)
                                AND NOT EXISTS (SELECT FROM categories
                                                WHERE categories.name = batch.category AND kind = 'critical') AS gone) AS of_user
                  -- What is scheduled is decided when it is due: until then, the recipient may choose again.
                  CROSS JOIN LATERAL (
                      SELECT gone, CASE WHEN gone THEN 'suppressed'
                                        WHEN cancelled.status IS NOT NULL THEN cancelled.status
                                        WHEN batch.status IN ('pending', 'processed')
                                             AND CASE WHEN batch.user_id IS NULL THEN {address_refuses}
                                                      ELSE {user_refuses} END THEN 'suppressed'
                                        ELSE batch.status END AS status) AS first
             ON CONFLICT (message_id) DO NOTHING
             RETURNING message_id, status"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client
        .query(
            &statement,
            &[
                &ids,
                &users,
                &types,
                &payloads,
                &statuses,
                &message_ids,
                &accepted,
                &template_names,
                &template_locales,
                &senders,
                &not_before,
                &expires_at,
                &reasons,
                &groups,
                &fingerprints,
                &sensitive,
                &categories,
                &hashes,
            ],
        )
        .await?;
    let inserted = rows.iter().map(|row| {
        // Only statuses of this version are written.
        let recorded_as = row.get::<_, &str>(1).parse().unwrap_or(Status::Cancelled);
        (MessageId::from(row.get::<_, Uuid>(0)), recorded_as)
    });
    Ok(inserted.collect())
}

/// How a notification begins.
struct FirstState {
    status: Status,
    not_before: Option<Timestamp>,
    reason: Option<HoldReason>,
}

/// How the notifications of a batch begin. Asks PostgreSQL for the time only if the time matters.
async fn first_states(
    client: &impl GenericClient,
    batch: &[&Notification],
    by: RecordedBy,
) -> Result<Vec<FirstState>, DbError> {
    let is_timed = |one: &&Notification| one.window != DeliveryWindow::default();
    let now = if by == RecordedBy::Api || batch.iter().any(is_timed) {
        clock::now(client).await?
    } else {
        Timestamp::default()
    };
    Ok(batch
        .iter()
        .map(|notification| FirstState::of(notification, now, by))
        .collect())
}

impl FirstState {
    fn of(notification: &Notification, now: Timestamp, by: RecordedBy) -> Self {
        let window = notification.window;
        let candidate = Candidate {
            status: None,
            window,
            // The statement that inserts looks for cancellations.
            is_cancelled: false,
            // It looks for the user, too.
            user_is_gone: false,
            // And for what the recipient has chosen.
            is_unwanted: false,
            // Only the claim of a delivery asks.
            quiet_until: None,
            limit: LimitState::Free,
        };
        let (status, not_before, reason) = match (decide(candidate, now), by) {
            (Decision::Hold { until, reason }, _) => (Status::Scheduled, Some(until), Some(reason)),
            (Decision::Expire, _) => (Status::Expired, window.not_before, None),
            (Decision::Cancel, _) => (Status::Cancelled, window.not_before, None),
            (Decision::Send | Decision::Suppress { .. } | Decision::End, _)
                if notification.channel == Channel::InApp =>
            {
                (Status::Processed, window.not_before, None)
            }
            (Decision::Send | Decision::Suppress { .. } | Decision::End, RecordedBy::Intake) => {
                (Status::Pending, window.not_before, None)
            }
            (Decision::Send | Decision::Suppress { .. } | Decision::End, RecordedBy::Api) => {
                (Status::Scheduled, Some(now), Some(HoldReason::Broker))
            }
            (Decision::Send | Decision::Suppress { .. } | Decision::End, RecordedBy::Schedule) => {
                let occurrence = window.not_before.unwrap_or(now);
                (
                    Status::Scheduled,
                    Some(occurrence),
                    Some(HoldReason::Schedule),
                )
            }
        };
        Self {
            status,
            not_before,
            reason,
        }
    }
}

/// Builds a row id that sorts by time: a UUIDv7 (RFC 9562 §5.7) whose 12 bits after the milliseconds
/// contain the fraction of the millisecond (§6.2, method 3), so that ids are ordered by `accepted_at` to
/// the microsecond.
fn row_id(accepted_at: Timestamp) -> Uuid {
    let micros = u64::try_from(accepted_at.as_microsecond()).unwrap_or(0);
    let (millis, fraction) = (micros / 1000, (micros % 1000) * 4096 / 1000);
    let mut random = *Uuid::new_v4().as_bytes();
    random[0] = u8::try_from(fraction >> 8).unwrap_or(0x0f);
    random[1] = u8::try_from(fraction & 0xff).unwrap_or(0xff);
    let mut tail = [0; 10];
    tail[..2].copy_from_slice(&random[..2]);
    tail[2..].copy_from_slice(&random[8..]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_ids_are_ordered_by_microsecond() {
        let start = 1_700_000_000_000_000i64;
        let ids: Vec<_> = (0..3000)
            .map(|micros| row_id(Timestamp::from_microsecond(start + micros).expect("in range")))
            .collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn two_row_ids_of_the_same_microsecond_differ() {
        let now = Timestamp::now();
        assert_ne!(row_id(now), row_id(now));
    }
}
