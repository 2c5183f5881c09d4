use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::notification::MessageId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{AttemptOutcome, UsedTemplate};
use crate::GenericClient;
use crate::error::DbError;
use crate::page::{NumberCursor, read_page};

/// A contact that needs no more attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledContact {
    /// The user's contact; `None` for the address in the payload or the user's own e-mail address.
    pub contact_id: Option<Uuid>,
    /// `Delivered`, `Rejected` or `Gone`.
    pub outcome: AttemptOutcome,
    /// The provider's error if the message was not delivered.
    pub error: Option<String>,
}

/// Lists the contacts that need no more attempts, by notification: those it was delivered to, and those that rejected it
/// since its last replay. A later attempt sends only to the others.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_settled_contacts(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, Vec<SettledContact>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT ON (message_id, contact_id) message_id, contact_id, outcome, error
             FROM delivery_attempts JOIN notifications USING (message_id)
             WHERE message_id = ANY ($1)
                   AND (outcome = 'delivered'
                        OR outcome IN ('rejected', 'gone')
                           AND (replayed_at IS NULL OR started_at >= replayed_at))
             ORDER BY message_id, contact_id, outcome = 'delivered' DESC, delivery_attempts.id DESC",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let mut settled = HashMap::<_, Vec<_>>::new();
    for row in client.query(&statement, &[&ids]).await? {
        if let Ok(outcome) = row.get::<_, &str>(2).parse() {
            let contact = SettledContact {
                contact_id: row.get(1),
                outcome,
                error: row.get(3),
            };
            let id = MessageId::from(row.get::<_, Uuid>(0));
            settled.entry(id).or_default().push(contact);
        }
    }
    Ok(settled)
}

/// A recorded attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    /// Increases with each attempt.
    pub id: i64,
    /// The message's attempt, counted from 0.
    pub attempt: i32,
    /// The provider's name.
    pub provider: String,
    /// The user's contact that the attempt was sent to.
    pub contact_id: Option<Uuid>,
    /// The template that the message was rendered from.
    pub template: Option<UsedTemplate>,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// The duration in milliseconds; `None` while the attempt is in progress.
    pub duration_ms: Option<i32>,
    /// The outcome.
    pub outcome: String,
    /// The provider's id of the message.
    pub provider_reference: Option<String>,
    /// Why the message was not delivered.
    pub error: Option<String>,
    /// How many times the attempt was repeated with the same outcome.
    pub repetitions: i32,
    /// When the last repetition began.
    pub last_repeated_at: Option<Timestamp>,
}

/// Returns a page of a notification's attempts, the oldest first, and the cursor of the next page if there is one. The
/// page is empty if the notification does not exist.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    message_id: MessageId,
    after: Option<NumberCursor>,
    limit: u32,
) -> Result<(Vec<AttemptRow>, Option<NumberCursor>), DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, attempt, provider, contact_id, template_name, template_locale, template_version,
                    started_at, duration_ms, outcome, provider_reference, error,
                    repetitions, last_repeated_at
             FROM delivery_attempts WHERE message_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .await?;
    let query = async |after: Option<&NumberCursor>, rows: i64| {
        // Ids begin at 1.
        let after = after.map_or(0, |NumberCursor(id)| *id);
        let parameters: [&(dyn ToSql + Sync); 3] = [&message_id.as_uuid(), &after, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    let cursor_of = |row: &AttemptRow| NumberCursor(row.id);
    read_page(limit, after, query, cursor_of).await
}

impl From<&tokio_postgres::Row> for AttemptRow {
    /// Converts a row of [`list`]'s query.
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
            repetitions: row.get(12),
            last_repeated_at: row.get(13),
        }
    }
}
