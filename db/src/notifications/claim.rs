//! The delivery of a row: claimed under a lease, sent with no transaction open, recorded under the
//! claim's own token.

use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Status, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The token of one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseToken(Uuid);

/// A notification that is this worker's to deliver, until the lease ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Records the outcome.
    pub token: LeaseToken,
    /// Whom it is for.
    pub user_id: UserId,
    /// The user's own address, where they have one.
    pub user_email: Option<String>,
    /// The channel's name, as it stands in the table.
    pub channel: Option<Channel>,
    /// A JSON object, as text.
    pub payload: String,
    /// What it is written by, where it is.
    pub template: Option<TemplateRef>,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// How long it has been waiting for its destination.
    pub deferred_for: Option<Duration>,
}

/// What became of the wish to deliver a notification.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is this worker's.
    Claimed(Box<Claimed>),
    /// It is another worker's, for this long at most.
    Held(Duration),
    /// More attempts were made than the message knows of: another copy of it has had this one, and
    /// failed as is told.
    Ahead(Option<String>),
    /// It is not to be delivered, or not now.
    Not(Status),
    /// There is no such row.
    Missing,
}

/// Claims the notification `id` for `lease`, for its attempt number `attempt` (counted from 0).
///
/// # Errors
///
/// Those of the queries.
pub async fn claim(
    client: &impl GenericClient,
    id: MessageId,
    attempt: u32,
    lease: Duration,
) -> Result<Claim, DbError> {
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
    let token = Uuid::new_v4();
    let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
    let seconds = lease.as_secs_f64();
    let claimed = client
        .query_opt(&statement, &[&id.as_uuid(), &token, &seconds, &attempt])
        .await?;
    let Some(row) = claimed else {
        return why_not(client, id, attempt).await;
    };
    let template = row.get::<_, Option<String>>(4);
    let deferred: Option<f64> = row.get(7);
    Ok(Claim::Claimed(Box::new(Claimed {
        token: LeaseToken(token),
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

/// Why the row could not be claimed. Should it have become free in between, it looks held for no time.
async fn why_not(
    client: &impl GenericClient,
    id: MessageId,
    attempt: i32,
) -> Result<Claim, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT status, retries_attempted, extract(epoch FROM lease_until - now())::float8, error_message
             FROM notifications WHERE message_id = $1",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&id.as_uuid()]).await? else {
        return Ok(Claim::Missing);
    };
    let status = row.get::<_, &str>(0).parse().unwrap_or(Status::Failed);
    if !matches!(status, Status::Pending | Status::Retrying) {
        return Ok(Claim::Not(status));
    }
    if row.get::<_, i32>(1) > attempt {
        return Ok(Claim::Ahead(row.get(3)));
    }
    let left: Option<f64> = row.get(2);
    Ok(Claim::Held(left.map(seconds_of).unwrap_or_default()))
}

/// `pending | retrying → processed`, ending the claim: it was delivered. Returns whether the claim was
/// still there.
///
/// # Errors
///
/// Those of the query.
pub async fn delivered(
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

/// `pending | retrying → retrying`, ending the claim: attempt number `attempt` failed with `error`, which
/// is cut to 500 characters. Returns whether the claim was still there.
///
/// # Errors
///
/// Those of the query.
pub async fn attempt_failed(
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

/// Ends a claim without an attempt, for the reason that `error` tells. With `waiting`, it is noted since
/// when the notification waits for its destination. Returns whether the claim was still there.
///
/// # Errors
///
/// Those of the query.
pub async fn defer(
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
