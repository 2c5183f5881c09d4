use serde_json::Value;
use tidings_domain::notification::{DeliveredChannel, DeliveryKind, DeliveryRequest, MessageId};
use tidings_domain::trace::TraceContext;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::trace_columns::{self, TRACE_COLUMNS};

/// A dead letter that a job has taken, and whose message must be published.
#[derive(Clone, Debug, PartialEq)]
pub enum InFlight {
    /// A notification, whose row is pending, and its trace.
    Row(DeliveryRequest, DeliveredChannel, Option<TraceContext>),
    /// A letter without a row.
    Letter(StoredLetter),
}

impl InFlight {
    /// The id in `in_flight`.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Row(request, _, _) => request.message_id.as_uuid(),
            Self::Letter(letter) => letter.id,
        }
    }
}

/// A letter of the table `dead_letters`.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLetter {
    /// Its id.
    pub id: Uuid,
    /// The message id in its properties.
    pub message_id: Option<String>,
    /// The name of its stage.
    pub stage: Option<String>,
    /// The code of its failure.
    pub reason: String,
    /// The properties and headers that a replay keeps.
    pub headers: Value,
    /// The body; `None` if it is not stored.
    pub body: Option<Vec<u8>>,
}

impl StoredLetter {
    /// The notification, if this is the message of a delivery.
    pub(super) fn delivery(&self) -> Option<MessageId> {
        let stage = self.stage.as_deref()?;
        let mut channels = DeliveredChannel::ALL.into_iter();
        channels.find(|channel| channel.as_str() == stage)?;
        let request = DeliveryRequest::decode(self.body.as_deref()?).ok()?;
        Some(request.message_id)
    }
}

pub(super) const LETTER_COLUMNS: &str = "id, message_id, stage, reason, headers, body";

impl From<&Row> for StoredLetter {
    /// Converts a row of `LETTER_COLUMNS`.
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            message_id: row.get(1),
            stage: row.get(2),
            reason: row.get(3),
            headers: row.get(4),
            body: row.get(5),
        }
    }
}

/// Reads what is in flight. Leaves out rows that are pending no more: their messages have arrived.
pub(super) async fn read(
    client: &impl GenericClient,
    ids: &[Uuid],
) -> Result<Vec<InFlight>, DbError> {
    let sql = format!(
        "SELECT message_id, type, user_id IS NOT NULL, category IS NOT NULL, {TRACE_COLUMNS} FROM notifications
         WHERE message_id = ANY($1) AND status = 'pending' AND retries_attempted = 0"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    let mut read: Vec<InFlight> = rows.iter().filter_map(pending).collect();
    let sql = format!(
        "SELECT {LETTER_COLUMNS} FROM dead_letters WHERE id = ANY($1) AND removed_at IS NOT NULL"
    );
    let statement = client.prepare_cached(&sql).await?;
    let letters = client.query(&statement, &[&ids]).await?;
    read.extend(letters.iter().map(|row| InFlight::Letter(row.into())));
    Ok(read)
}

fn pending(row: &Row) -> Option<InFlight> {
    let name = row.get::<_, &str>(1);
    let mut channels = DeliveredChannel::ALL.into_iter();
    let channel = channels.find(|channel| channel.as_str() == name)?;
    let request = DeliveryRequest {
        message_id: row.get::<_, Uuid>(0).into(),
        kind: DeliveryKind::of(row.get(2), row.get(3)),
    };
    Some(InFlight::Row(request, channel, trace_columns::read(row, 4)))
}
