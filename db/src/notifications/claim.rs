//! Delivering a notification: the worker claims the row under a lease, sends without an open transaction,
//! and records the outcome under the claim's token.

use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Status, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Identifies one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseToken(Uuid);

impl LeaseToken {
    /// Creates a token that no other claim has.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    pub(crate) const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// A notification that this worker may deliver until the lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedNotification {
    /// Must be given to record the outcome.
    pub token: LeaseToken,
    /// The target user.
    pub user_id: UserId,
    /// The user's own e-mail address, if any.
    pub user_email: Option<String>,
    /// The channel; `None` if this version does not know the channel's name.
    pub channel: Option<Channel>,
    /// A JSON object, as text.
    pub payload: String,
    /// The template that renders the message, if any.
    pub template: Option<TemplateRef>,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// How long the notification has been waiting for its destination.
    pub deferred_for: Option<Duration>,
}

/// Result of trying to claim a notification for delivery.
#[derive(Clone, Debug)]
pub enum ClaimResult {
    /// This worker has the claim.
    Claimed(Box<ClaimedNotification>),
    /// Another worker has the claim, at most for this long.
    LeasedElsewhere(Duration),
    /// Another copy of the message has already made this attempt, which failed with this error.
    AttemptAlreadyMade(Option<String>),
    /// The notification's status does not allow a delivery now.
    NotDeliverable(Status),
    /// The row has a status of a newer version.
    UnknownStatus,
    /// The row does not exist.
    RowMissing,
}

/// Claims the notification `id` for `lease`, for attempt number `attempt` (counted from 0).
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn claim(
    client: &impl GenericClient,
    id: MessageId,
    attempt: u32,
    lease: Duration,
) -> Result<ClaimResult, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications SET lease_token = $2, lease_until = now() + make_interval(secs => $3)
             WHERE message_id = $1 AND status IN ('pending', 'retrying')
                   AND (lease_until IS NULL OR lease_until <= now()) AND retries_attempted <= $4
             RETURNING user_id, (SELECT email FROM users WHERE users.id = user_id), type, payload::text,
                       template_name, template_locale, created_at,
                       extract(epoch FROM now() - deferred_since)::float8",
        )
        .await?;
    let token = LeaseToken::generate();
    let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
    let seconds = lease.as_secs_f64();
    let claimed = client
        .query_opt(&statement, &[&id.as_uuid(), &token.0, &seconds, &attempt])
        .await?;
    let Some(row) = claimed else {
        return reason_not_claimed(client, id, attempt).await;
    };
    let template = row.get::<_, Option<String>>(4);
    let deferred: Option<f64> = row.get(7);
    Ok(ClaimResult::Claimed(Box::new(ClaimedNotification {
        token,
        user_id: row.get::<_, Uuid>(0).into(),
        user_email: row.get(1),
        channel: row.get::<_, &str>(2).parse().ok(),
        payload: row.get(3),
        template: template.map(|name| TemplateRef {
            name,
            locale: row.get(5),
        }),
        created_at: row.get(6),
        deferred_for: deferred.map(seconds_of),
    })))
}

fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Finds out why the row was not claimed. A row that became free meanwhile is reported as leased for zero
/// time.
async fn reason_not_claimed(
    client: &impl GenericClient,
    id: MessageId,
    attempt: i32,
) -> Result<ClaimResult, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT status, retries_attempted, extract(epoch FROM lease_until - now())::float8, error_message
             FROM notifications WHERE message_id = $1",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&id.as_uuid()]).await? else {
        return Ok(ClaimResult::RowMissing);
    };
    let Ok(status) = row.get::<_, &str>(0).parse() else {
        return Ok(ClaimResult::UnknownStatus);
    };
    if !matches!(status, Status::Pending | Status::Retrying) {
        return Ok(ClaimResult::NotDeliverable(status));
    }
    if row.get::<_, i32>(1) > attempt {
        return Ok(ClaimResult::AttemptAlreadyMade(row.get(3)));
    }
    let left: Option<f64> = row.get(2);
    Ok(ClaimResult::LeasedElsewhere(
        left.map(seconds_of).unwrap_or_default(),
    ))
}

/// Extends a claim: it ends `lease` from now. Returns whether the claim was still valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn renew_lease(
    client: &impl GenericClient,
    id: MessageId,
    token: LeaseToken,
    lease: Duration,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications SET lease_until = now() + make_interval(secs => $3)
             WHERE message_id = $1 AND lease_token = $2 AND status IN ('pending', 'retrying')",
        )
        .await?;
    let seconds = lease.as_secs_f64();
    let changed = client
        .execute(&statement, &[&id.as_uuid(), &token.0, &seconds])
        .await?;
    Ok(changed == 1)
}

/// `pending | retrying → processed`: records a delivery and ends the claim. Returns whether the claim was
/// still valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_delivery(
    client: &impl GenericClient,
    id: MessageId,
    token: LeaseToken,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'processed', processed_at = now(), error_message = NULL,
                 lease_token = NULL, lease_until = NULL, deferred_since = NULL
             WHERE message_id = $1 AND lease_token = $2 AND status IN ('pending', 'retrying')",
        )
        .await?;
    let changed = client
        .execute(&statement, &[&id.as_uuid(), &token.0])
        .await?;
    Ok(changed == 1)
}

/// `pending | retrying → retrying`: records that attempt number `attempt` failed and ends the claim. Cuts
/// `error` to 500 characters. Returns whether the claim was still valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_failed_attempt(
    client: &impl GenericClient,
    id: MessageId,
    token: LeaseToken,
    attempt: u32,
    error: &str,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'retrying', retries_attempted = $3, error_message = left($4, 500),
                 lease_token = NULL, lease_until = NULL, deferred_since = NULL
             WHERE message_id = $1 AND lease_token = $2 AND status IN ('pending', 'retrying')",
        )
        .await?;
    let attempts = i32::try_from(attempt).map_or(i32::MAX, |attempt| attempt.saturating_add(1));
    let changed = client
        .execute(&statement, &[&id.as_uuid(), &token.0, &attempts, &error])
        .await?;
    Ok(changed == 1)
}

/// Ends a claim without an attempt and records `error` as the reason. If `waiting`, also records since
/// when the notification waits for its destination. Returns whether the claim was still valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_deferral(
    client: &impl GenericClient,
    id: MessageId,
    token: LeaseToken,
    error: &str,
    waiting: bool,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET error_message = left($3, 500), lease_token = NULL, lease_until = NULL,
                 deferred_since = CASE WHEN $4 THEN coalesce(deferred_since, now()) ELSE deferred_since END
             WHERE message_id = $1 AND lease_token = $2",
        )
        .await?;
    let changed = client
        .execute(&statement, &[&id.as_uuid(), &token.0, &error, &waiting])
        .await?;
    Ok(changed == 1)
}
