use jiff::Timestamp;
use tidings_common::notification::MessageId;
use uuid::Uuid;

use super::UsedTemplate;
use crate::GenericClient;
use crate::error::DbError;

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
