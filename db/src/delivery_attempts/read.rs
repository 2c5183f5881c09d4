use jiff::Timestamp;
use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::{AttemptOutcome, UsedTemplate};
use crate::GenericClient;
use crate::error::DbError;

/// An address that needs no more attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which of the user's contacts; `None` is the address in the payload, or the user's own e-mail
    /// address.
    pub contact_id: Option<Uuid>,
    /// `Delivered`, `Rejected` or `Gone`.
    pub outcome: AttemptOutcome,
    /// The provider's words, where it did not deliver.
    pub error: Option<String>,
}

/// The addresses of a notification that need no more attempts: those that it was delivered to, and
/// those that will never take it, unless it was replayed since. A later attempt sends to the others
/// alone.
///
/// # Errors
///
/// Those of the query.
pub async fn settled(
    client: &impl GenericClient,
    message_id: MessageId,
) -> Result<Vec<Settled>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT ON (contact_id) contact_id, outcome, error
             FROM delivery_attempts JOIN notifications USING (message_id)
             WHERE message_id = $1
                   AND (outcome = 'delivered'
                        OR outcome IN ('rejected', 'gone')
                           AND (replayed_at IS NULL OR started_at >= replayed_at))
             ORDER BY contact_id, outcome = 'delivered' DESC, delivery_attempts.id DESC",
        )
        .await?;
    let rows = client.query(&statement, &[&message_id.as_uuid()]).await?;
    let settled = rows.iter().filter_map(|row| {
        Some(Settled {
            contact_id: row.get(0),
            outcome: row.get::<_, &str>(1).parse().ok()?,
            error: row.get(2),
        })
    });
    Ok(settled.collect())
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
