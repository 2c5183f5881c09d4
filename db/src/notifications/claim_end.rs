//! Ends claims: records what came of the deliveries, under the tokens of their claims.

use std::collections::HashSet;

use jiff::Timestamp;
use tidings_domain::decision::{HoldReason, SuppressReason};
use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::LeaseToken;
use crate::GenericClient;
use crate::error::DbError;

/// The end of a claim.
#[derive(Clone, Debug)]
pub struct ClaimEnd {
    /// The notification.
    pub id: MessageId,
    /// The token of the claim.
    pub token: LeaseToken,
    /// What came of it.
    pub result: ClaimEndResult,
}

/// What came of a claim. Errors are cut to 500 characters, the length of the column.
#[derive(Clone, Debug)]
pub enum ClaimEndResult {
    /// `pending | retrying → processed`.
    Delivered,
    /// `pending | retrying → retrying`: attempt number `attempt`, counted from 0, failed.
    Failed {
        /// The attempt.
        attempt: u32,
        /// Why.
        error: String,
    },
    /// `pending | retrying → scheduled`: no attempt was made, and a scheduler publishes another message.
    Held {
        /// When.
        until: Timestamp,
        /// Why.
        reason: HoldReason,
    },
    /// `pending | retrying → suppressed`.
    Suppressed {
        /// Why.
        reason: SuppressReason,
    },
    /// `pending | retrying → expired`.
    Expired,
    /// `pending | retrying → cancelled`.
    Cancelled,
    /// No attempt was made.
    Deferred {
        /// Why.
        error: String,
        /// Whether the notification waits for its destination: then the row says since when.
        waiting: bool,
    },
}

/// What to do about a row that another transaction has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedRows {
    /// Waits for the other transaction.
    Wait,
    /// Leaves the claim as it is.
    Skip,
}

/// Ends claims. Returns the tokens of those that have been ended: the others were no longer valid, or another transaction
/// has locked their rows and `locked` says to skip these.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end_claims(
    client: &impl GenericClient,
    ends: &[ClaimEnd],
    locked: LockedRows,
) -> Result<HashSet<LeaseToken>, DbError> {
    if ends.is_empty() {
        return Ok(HashSet::new());
    }
    let skip = match locked {
        LockedRows::Wait => "",
        LockedRows::Skip => "SKIP LOCKED",
    };
    // See `claim` for the order of the locks and `OFFSET 0`.
    let sql = format!(
        "WITH held AS (
             SELECT message_id, ended.*
             FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[],
                                               $6::timestamptz[])
                                 AS ended (id, token, result, attempts, error, until)
                   ORDER BY id) AS ended
                  CROSS JOIN LATERAL (
                      SELECT message_id, status, lease_token
                      FROM notifications WHERE message_id = ended.id OFFSET 0
                      FOR NO KEY UPDATE {skip}) AS found
             WHERE lease_token = token AND status IN ('pending', 'retrying')
         )
         UPDATE notifications
         SET status = CASE result WHEN 'delivered' THEN 'processed' WHEN 'failed' THEN 'retrying'
                                  WHEN 'held' THEN 'scheduled' WHEN 'expired' THEN 'expired'
                                  WHEN 'suppressed' THEN 'suppressed' WHEN 'cancelled' THEN 'cancelled'
                                  ELSE status END,
             processed_at = CASE result WHEN 'delivered' THEN now() ELSE processed_at END,
             retries_attempted = CASE result WHEN 'failed' THEN attempts ELSE retries_attempted END,
             error_message = CASE WHEN result = 'delivered' THEN NULL
                                  WHEN result IN ('held', 'suppressed', 'expired', 'cancelled') THEN error_message
                                  ELSE left(error, 500) END,
             not_before = CASE result WHEN 'held' THEN until ELSE not_before END,
             reason = CASE WHEN result IN ('held', 'suppressed') THEN error ELSE reason END,
             deferred_since = CASE result WHEN 'waiting' THEN coalesce(deferred_since, now())
                                          WHEN 'deferred' THEN deferred_since END,
             lease_token = NULL, lease_until = NULL
         FROM held WHERE notifications.message_id = held.message_id
         RETURNING held.token"
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = ends.iter().map(|end| end.id.as_uuid()).collect();
    let tokens: Vec<Uuid> = ends.iter().map(|end| end.token.as_uuid()).collect();
    let mut results = Vec::with_capacity(ends.len());
    let mut attempts = Vec::with_capacity(ends.len());
    let mut errors = Vec::with_capacity(ends.len());
    let mut untils = Vec::with_capacity(ends.len());
    for end in ends {
        let (result, attempt, error) = match &end.result {
            ClaimEndResult::Delivered => ("delivered", 0, None),
            ClaimEndResult::Held { reason, .. } => ("held", 0, Some(reason.as_str())),
            ClaimEndResult::Suppressed { reason } => ("suppressed", 0, Some(reason.as_str())),
            ClaimEndResult::Expired => ("expired", 0, None),
            ClaimEndResult::Cancelled => ("cancelled", 0, None),
            ClaimEndResult::Failed { attempt, error } => {
                let attempts = i32::try_from(*attempt).map_or(i32::MAX, |n| n.saturating_add(1));
                ("failed", attempts, Some(error.as_str()))
            }
            ClaimEndResult::Deferred {
                error,
                waiting: true,
            } => ("waiting", 0, Some(error.as_str())),
            ClaimEndResult::Deferred { error, .. } => ("deferred", 0, Some(error.as_str())),
        };
        results.push(result);
        attempts.push(attempt);
        errors.push(error);
        untils.push(match end.result {
            ClaimEndResult::Held { until, .. } => Some(until),
            _ => None,
        });
    }
    let rows = client
        .query(
            &statement,
            &[&ids, &tokens, &results, &attempts, &errors, &untils],
        )
        .await?;
    let ended = rows
        .iter()
        .map(|row| LeaseToken::from(row.get::<_, Uuid>(0)));
    Ok(ended.collect())
}
