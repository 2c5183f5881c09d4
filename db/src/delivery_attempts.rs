//! The table `delivery_attempts`: what was tried, when, and what came of it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use tidings_common::notification::MessageId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// What an attempt's row says when the worker that began it never finished it.
const ENDED: &str = "the worker ended before the answer was recorded";

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// It is under way.
    Sending,
    /// The provider has taken it.
    Delivered,
    /// The provider has not taken it and might later.
    Failed,
    /// Nobody can know whether the provider has taken it.
    Unknown,
    /// The provider will never take it.
    Rejected,
    /// The address is no more.
    Gone,
    /// The provider asked for patience.
    Throttled,
    /// The provider refused the installation's credentials.
    CredentialsRefused,
    /// Nobody was asked: the destination had asked for a pause, or counted as away.
    Deferred,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Sending,
        Self::Delivered,
        Self::Failed,
        Self::Unknown,
        Self::Rejected,
        Self::Gone,
        Self::Throttled,
        Self::CredentialsRefused,
        Self::Deferred,
    ];

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::CredentialsRefused => "credentials_refused",
            Self::Deferred => "deferred",
        }
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the outcome of an attempt")]
pub struct UnknownOutcome;

impl FromStr for AttemptOutcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or(UnknownOutcome)
    }
}

/// The template that an attempt was rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedTemplate {
    /// Its name.
    pub name: String,
    /// The language that was found, which need not be the one asked for.
    pub locale: String,
    /// Its version.
    pub version: i32,
}

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

/// The contacts to which the notification was delivered already; `None` is the address in the payload
/// or the user's own. A later attempt sends to the others alone.
///
/// # Errors
///
/// Those of the query.
pub async fn delivered_contacts(
    client: &impl GenericClient,
    message_id: MessageId,
) -> Result<Vec<Option<Uuid>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT contact_id FROM delivery_attempts
             WHERE message_id = $1 AND outcome = 'delivered'",
        )
        .await?;
    let rows = client.query(&statement, &[&message_id.as_uuid()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A recorded attempt. The outcome is as it stands in the table, whose CHECK knows the values.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    /// Orders attempts.
    pub id: i64,
    /// The message's attempt, counted from 0.
    pub attempt: i32,
    /// Who was asked to deliver.
    pub provider: String,
    /// Which of the user's contacts.
    pub contact_id: Option<Uuid>,
    /// What it was rendered from.
    pub template: Option<UsedTemplate>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds; `None` while it is under way.
    pub duration_ms: Option<i32>,
    /// What came of it.
    pub outcome: String,
    /// What the provider calls the message.
    pub provider_reference: Option<String>,
    /// Why it was not delivered.
    pub error: Option<String>,
}

/// A notification's attempts in their order; none where there is no such notification.
///
/// # Errors
///
/// Those of the query.
pub async fn timeline(
    client: &impl GenericClient,
    message_id: MessageId,
) -> Result<Vec<AttemptRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, attempt, provider, contact_id, template_name, template_locale, template_version,
                    started_at, duration_ms, outcome, provider_reference, error
             FROM delivery_attempts WHERE message_id = $1 ORDER BY id",
        )
        .await?;
    let rows = client.query(&statement, &[&message_id.as_uuid()]).await?;
    Ok(rows.iter().map(AttemptRow::from).collect())
}

impl From<&tokio_postgres::Row> for AttemptRow {
    /// Of a row of [`timeline`]'s query.
    fn from(row: &tokio_postgres::Row) -> Self {
        let template: (Option<String>, Option<String>, Option<i32>) =
            (row.get(4), row.get(5), row.get(6));
        Self {
            id: row.get(0),
            attempt: row.get(1),
            provider: row.get(2),
            contact_id: row.get(3),
            template: match template {
                (Some(name), Some(locale), Some(version)) => Some(UsedTemplate {
                    name,
                    locale,
                    version,
                }),
                _ => None,
            },
            started_at: row.get(7),
            duration_ms: row.get(8),
            outcome: row.get(9),
            provider_reference: row.get(10),
            error: row.get(11),
        }
    }
}
