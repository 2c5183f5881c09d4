use std::borrow::Cow;
use std::time::Duration;

use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::unknown::ENDED;
use super::{AttemptOutcome, UsedTemplate};
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::LeaseToken;

/// The error of an attempt that was taken back.
const NOT_CONFIRMED: &str = "PostgreSQL did not confirm the attempt, so nothing was sent";

/// An attempt that is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewAttempt<'a> {
    /// The notification.
    pub message_id: MessageId,
    /// The message's attempt, counted from 0.
    pub attempt: u32,
    /// The provider's name.
    pub provider: &'a str,
    /// The user's contact; `None` if the address is in the payload or is the user's own e-mail
    /// address.
    pub contact_id: Option<Uuid>,
    /// The template that the message was rendered from, if any.
    pub template: Option<&'a UsedTemplate>,
    /// The claim under which the attempt is made.
    pub token: LeaseToken,
}

/// Records that these attempts are in progress, and returns their ids in the same order. One call must begin all
/// concurrent attempts of one notification: attempts that are still in progress under another claim belong to a worker
/// that ended, and become `unknown`; attempts under the same claim were begun by a call whose caller does not know that
/// it succeeded, and are replaced.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn begin(
    client: &impl GenericClient,
    attempts: &[NewAttempt<'_>],
) -> Result<Vec<i64>, DbError> {
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
    // All parts of the statement see the table as it was before, so the new rows are not changed.
    let statement = client
        .prepare_cached(
            "WITH claims AS (SELECT DISTINCT id, token FROM unnest($1::uuid[], $9::uuid[]) AS claims (id, token)),
             ended AS (
                 UPDATE delivery_attempts SET outcome = 'unknown', error = $8
                 FROM claims
                 WHERE message_id = claims.id AND outcome = 'sending' AND lease_token IS DISTINCT FROM token
             ),
             replaced AS (
                 DELETE FROM delivery_attempts USING claims
                 WHERE message_id = claims.id AND outcome = 'sending' AND lease_token = token
             )
             INSERT INTO delivery_attempts
                 (message_id, attempt, provider, contact_id,
                  template_name, template_locale, template_version, lease_token, started_at, outcome)
             SELECT message_id, attempt, provider, contact_id,
                    template_name, template_locale, template_version, lease_token, clock_timestamp(), 'sending'
             FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[],
                         $9::uuid[])
                  WITH ORDINALITY
                  AS batch (message_id, attempt, provider, contact_id,
                            template_name, template_locale, template_version, lease_token, place)
             ORDER BY place
             RETURNING id",
        )
        .await?;
    let ids: Vec<Uuid> = attempts.iter().map(|a| a.message_id.as_uuid()).collect();
    let counts: Vec<i32> = attempts
        .iter()
        .map(|a| i32::try_from(a.attempt).unwrap_or(i32::MAX))
        .collect();
    let providers: Vec<&str> = attempts.iter().map(|a| a.provider).collect();
    let contacts: Vec<Option<Uuid>> = attempts.iter().map(|a| a.contact_id).collect();
    let templates = || attempts.iter().map(|a| a.template);
    let names: Vec<_> = templates().map(|t| t.map(|t| t.name.as_str())).collect();
    let locales: Vec<_> = templates().map(|t| t.map(|t| t.locale.as_str())).collect();
    let versions: Vec<_> = templates().map(|t| t.map(|t| t.version)).collect();
    let tokens: Vec<Uuid> = attempts.iter().map(|a| a.token.as_uuid()).collect();
    let rows = client
        .query(
            &statement,
            &[
                &ids, &counts, &providers, &contacts, &names, &locales, &versions, &ENDED, &tokens,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Records that nothing was sent under the claim `token`. For a worker that could not find out whether [`begin`]
/// has recorded its attempts: without this, they would count as messages that may have arrived.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take_back(
    client: &impl GenericClient,
    message_id: MessageId,
    token: LeaseToken,
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE delivery_attempts SET outcome = 'deferred', duration_ms = 0, error = $3
             WHERE message_id = $1 AND lease_token = $2 AND outcome IN ('sending', 'unknown')",
        )
        .await?;
    let (message_id, token) = (message_id.as_uuid(), token.as_uuid());
    client
        .execute(&statement, &[&message_id, &token, &NOT_CONFIRMED])
        .await?;
    Ok(())
}

/// Records an attempt that asked no provider, because the notification cannot be sent. Cuts `error` to 500
/// characters.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert_not_sent(
    client: &impl GenericClient,
    attempt: &NewAttempt<'_>,
    error: &str,
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO delivery_attempts
                 (message_id, attempt, provider, contact_id, template_name, template_locale, template_version,
                  lease_token, started_at, duration_ms, outcome, error)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), 0, 'not_sent', left($9, 500))",
        )
        .await?;
    let template = attempt.template;
    client
        .execute(
            &statement,
            &[
                &attempt.message_id.as_uuid(),
                &i32::try_from(attempt.attempt).unwrap_or(i32::MAX),
                &attempt.provider,
                &attempt.contact_id,
                &template.map(|t| t.name.as_str()),
                &template.map(|t| t.locale.as_str()),
                &template.map(|t| t.version),
                &attempt.token.as_uuid(),
                &storable(error),
            ],
        )
        .await?;
    Ok(())
}

/// The outcome of an attempt that [`begin`] recorded.
#[derive(Clone, Copy, Debug)]
pub struct FinishedAttempt<'a> {
    /// The id that [`begin`] returned.
    pub id: i64,
    /// The duration.
    pub duration: Duration,
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The provider's id of the message.
    pub reference: Option<&'a str>,
    /// Why the message was not delivered; cut to 500 characters, the length of the column.
    pub error: Option<&'a str>,
}

/// Records the outcomes of attempts. The outcome replaces an `unknown` that another worker recorded
/// meanwhile: a late response is still the response. Ignores rows that were deleted with their user.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn finish(
    client: &impl GenericClient,
    finished: &[FinishedAttempt<'_>],
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE delivery_attempts
             SET duration_ms = batch.duration_ms, outcome = batch.outcome,
                 provider_reference = left(batch.provider_reference, 500), error = left(batch.error, 500)
             FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[])
                  AS batch (id, duration_ms, outcome, provider_reference, error)
             WHERE delivery_attempts.id = batch.id",
        )
        .await?;
    let ids: Vec<i64> = finished.iter().map(|f| f.id).collect();
    let durations: Vec<i32> = finished
        .iter()
        .map(|f| i32::try_from(f.duration.as_millis()).unwrap_or(i32::MAX))
        .collect();
    let outcomes: Vec<&str> = finished.iter().map(|f| f.outcome.as_str()).collect();
    let references: Vec<_> = finished.iter().map(|f| f.reference.map(storable)).collect();
    let errors: Vec<_> = finished.iter().map(|f| f.error.map(storable)).collect();
    client
        .execute(
            &statement,
            &[&ids, &durations, &outcomes, &references, &errors],
        )
        .await?;
    Ok(())
}

/// Replaces NUL characters, which PostgreSQL cannot store: the text comes from another server.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', " "))
    } else {
        Cow::Borrowed(text)
    }
}
