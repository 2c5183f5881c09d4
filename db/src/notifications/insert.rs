use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tidings_domain::notification::{Channel, MessageId, Notification, Status};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The notifications of a batch that [`insert_batch`] inserted; the others existed before.
pub type InsertedIds = HashSet<MessageId>;

/// Inserts a batch in one statement, and so in one transaction. Leaves a notification as it is if its
/// message id is already recorded. In-app notifications become `processed`, all others `pending`.
///
/// Overlapping batches cannot deadlock, because rows are inserted in the order of their message ids.
///
/// # Errors
///
/// Returns an error and inserts nothing if one notification cannot be stored; [`DbError::kind`] says why.
pub async fn insert_batch(
    client: &impl GenericClient,
    batch: &[&Notification],
) -> Result<InsertedIds, DbError> {
    let mut batch: Vec<&Notification> = batch.to_vec();
    batch.sort_unstable_by_key(|notification| notification.message_id);
    let column =
        |value: fn(&Notification) -> Uuid| batch.iter().map(|n| value(n)).collect::<Vec<_>>();
    let ids = column(|n| row_id(n.accepted_at));
    let users = column(|n| n.user_id.as_uuid());
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

    let statement = client
        .prepare_cached(
            "INSERT INTO notifications
                 (id, user_id, type, payload, status, message_id, created_at, processed_at,
                  template_name, template_locale)
             SELECT id, user_id, type, payload::jsonb,
                    CASE type WHEN 'in-app' THEN 'processed' ELSE 'pending' END,
                    message_id, created_at,
                    CASE type WHEN 'in-app' THEN now() END,
                    template_name, template_locale
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[],
                         $7::text[], $8::text[])
                  AS batch (id, user_id, type, payload, message_id, created_at,
                            template_name, template_locale)
             ON CONFLICT (message_id) DO NOTHING
             RETURNING message_id",
        )
        .await?;
    let rows = client
        .query(
            &statement,
            &[
                &ids,
                &users,
                &types,
                &payloads,
                &message_ids,
                &accepted,
                &template_names,
                &template_locales,
            ],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| MessageId::from(row.get::<_, Uuid>(0)))
        .collect())
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

/// The status and channel of a recorded notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedState {
    /// The status.
    pub status: Status,
    /// The channel's name.
    pub channel: Channel,
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
            "SELECT message_id, status, type FROM notifications WHERE message_id = ANY($1)",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| (MessageId::from(row.get::<_, Uuid>(0)), state(row)))
        .collect())
}

fn state(row: &Row) -> Option<RecordedState> {
    Some(RecordedState {
        status: row.get::<_, &str>(1).parse().ok()?,
        channel: row.get::<_, &str>(2).parse().ok()?,
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
