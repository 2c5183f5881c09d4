use std::borrow::Cow;
use std::time::Duration;

use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::{AttemptOutcome, UsedTemplate};
use crate::GenericClient;
use crate::error::DbError;

/// What an attempt's row says when the worker that began it never finished it.
const ENDED: &str = "the worker ended before the answer was recorded";

/// An attempt that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewAttempt<'a> {
    /// The notification.
    pub message_id: MessageId,
    /// The message's attempt, counted from 0.
    pub attempt: u32,
    /// Who is asked to deliver.
    pub provider: &'a str,
    /// Which of the user's contacts; `None` where the address stands in the payload or is the user's
    /// own.
    pub contact_id: Option<Uuid>,
    /// What it was rendered from, where a template says what it says.
    pub template: Option<&'a UsedTemplate>,
}

/// Records that these attempts are under way, and returns their ids in the same order. Whatever is
/// still under way of the same notifications was begun by a worker that ended, and becomes
/// `unknown`: so attempts of one notification that are made at once are begun by one call.
///
/// # Errors
///
/// Those of the query.
pub async fn begin(
    client: &impl GenericClient,
    attempts: &[NewAttempt<'_>],
) -> Result<Vec<i64>, DbError> {
    // The statement's parts see the table as it was before it: the update leaves the new rows alone.
    let statement = client
        .prepare_cached(
            "WITH ended AS (
                 UPDATE delivery_attempts SET outcome = 'unknown', error = $8
                 WHERE message_id = ANY ($1) AND outcome = 'sending'
             )
             INSERT INTO delivery_attempts
                 (message_id, attempt, provider, contact_id,
                  template_name, template_locale, template_version, started_at, outcome)
             SELECT message_id, attempt, provider, contact_id,
                    template_name, template_locale, template_version, clock_timestamp(), 'sending'
             FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[])
                  WITH ORDINALITY
                  AS batch (message_id, attempt, provider, contact_id,
                            template_name, template_locale, template_version, place)
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
    let rows = client
        .query(
            &statement,
            &[
                &ids, &counts, &providers, &contacts, &names, &locales, &versions, &ENDED,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What came of an attempt that [`begin`] recorded.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// What [`begin`] returned.
    pub id: i64,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// What the provider calls the message.
    pub reference: Option<&'a str>,
    /// Why it was not delivered, cut to the 500 characters that the column holds.
    pub error: Option<&'a str>,
}

/// Records what came of attempts. It also holds for one that another worker has given up on
/// meanwhile: an answer that came late is still the answer. Rows that went with their user are passed
/// over.
///
/// # Errors
///
/// Those of the query.
pub async fn finish(client: &impl GenericClient, finished: &[Finished<'_>]) -> Result<(), DbError> {
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

/// The text without what PostgreSQL cannot store: it comes from somebody else's server.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', " "))
    } else {
        Cow::Borrowed(text)
    }
}
