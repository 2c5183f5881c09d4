//! Attempts with an unknown outcome: messages that may have arrived. An attempt that is still `sending` although no
//! worker holds the notification is one of them, because its worker ended before it recorded an answer.

use std::collections::{HashMap, HashSet};

use tidings_domain::notification::MessageId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::LeaseToken;

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

/// Counts the attempts with an unknown outcome since the last replay, by notification and contact.
///
/// The caller must hold the claims. Attempts that are still `sending` under another claim belong to a worker that ended,
/// and become `unknown`. Those under the caller's own claim do not count: nothing has been sent.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_unknown(
    client: &impl GenericClient,
    claims: &[(MessageId, LeaseToken)],
) -> Result<HashMap<MessageId, Vec<UnknownAttempts>>, DbError> {
    // The query sees the table as it was before the update, so it counts both outcomes.
    let statement = client
        .prepare_cached(
            "WITH claims AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS claims (id, token)),
             ended AS (
                 UPDATE delivery_attempts SET outcome = 'unknown', error = $3
                 FROM claims
                 WHERE message_id = claims.id AND outcome = 'sending' AND lease_token IS DISTINCT FROM token
             )
             SELECT message_id, contact_id, count(*)
             FROM claims JOIN delivery_attempts AS attempt ON message_id = claims.id
                  JOIN notifications USING (message_id)
             WHERE (outcome = 'unknown' OR outcome = 'sending' AND attempt.lease_token IS DISTINCT FROM token)
                   AND (replayed_at IS NULL OR started_at >= replayed_at)
             GROUP BY message_id, contact_id",
        )
        .await?;
    let (ids, tokens): (Vec<Uuid>, Vec<Uuid>) = claims
        .iter()
        .map(|(id, token)| (id.as_uuid(), token.as_uuid()))
        .unzip();
    let mut unknown = HashMap::<_, Vec<_>>::new();
    for row in client.query(&statement, &[&ids, &tokens, &ENDED]).await? {
        let counted = UnknownAttempts {
            contact_id: row.get(1),
            count: u32::try_from(row.get::<_, i64>(2)).unwrap_or(u32::MAX),
        };
        let id = MessageId::from(row.get::<_, Uuid>(0));
        unknown.entry(id).or_default().push(counted);
    }
    Ok(unknown)
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
