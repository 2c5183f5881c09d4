//! Attempts with an unknown outcome: messages that may have arrived. An attempt that is still `sending` although no
//! worker holds the notification is one of them, because its worker ended before it recorded an answer.

use std::collections::HashSet;

use tidings_domain::notification::MessageId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The error of an attempt whose worker ended before it recorded the outcome.
pub(super) const ENDED: &str = "the worker ended before the answer was recorded";

/// How often a message may have arrived at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAttempts {
    /// The user's contact; `None` for the address in the payload or the user's own e-mail address.
    pub contact_id: Option<Uuid>,
    /// Number of attempts with an unknown outcome since the last replay, at least 1.
    pub count: u32,
}

/// Counts the attempts of a notification with an unknown outcome since its last replay, by contact.
///
/// The caller must hold the claim and must not have begun its own attempts: attempts that are still `sending`
/// belong to a worker that ended, and become `unknown`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_unknown(
    client: &impl GenericClient,
    message_id: MessageId,
) -> Result<Vec<UnknownAttempts>, DbError> {
    // The query sees the table as it was before the update, so it counts both outcomes.
    let statement = client
        .prepare_cached(
            "WITH ended AS (
                 UPDATE delivery_attempts SET outcome = 'unknown', error = $2
                 WHERE message_id = $1 AND outcome = 'sending'
             )
             SELECT contact_id, count(*)
             FROM delivery_attempts JOIN notifications USING (message_id)
             WHERE message_id = $1 AND outcome IN ('unknown', 'sending')
                   AND (replayed_at IS NULL OR started_at >= replayed_at)
             GROUP BY contact_id",
        )
        .await?;
    let rows = client
        .query(&statement, &[&message_id.as_uuid(), &ENDED])
        .await?;
    let counted = rows.iter().map(|row| UnknownAttempts {
        contact_id: row.get(0),
        count: u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
    });
    Ok(counted.collect())
}

/// Returns those of `ids` that may have arrived at an address without a recorded delivery to it, in any attempt:
/// if they are sent again, they may arrive twice.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_undelivered_unknown(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT message_id FROM delivery_attempts AS unknown
             WHERE message_id = ANY ($1) AND outcome IN ('unknown', 'sending')
                   AND NOT EXISTS (
                       SELECT FROM delivery_attempts AS delivered
                       WHERE delivered.message_id = unknown.message_id AND outcome = 'delivered'
                             AND delivered.contact_id IS NOT DISTINCT FROM unknown.contact_id)",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Uuid>(0).into())
        .collect())
}
