//! What a measurement reads of the rows that it has caused.

use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// How many notifications these users have.
///
/// # Errors
///
/// Those of the query.
pub async fn count(client: &impl GenericClient, users: &[UserId]) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached("SELECT count(*) FROM notifications WHERE user_id = ANY($1)")
        .await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let row = client.query_one(&statement, &[&users]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// A notification whose payload has a member `number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its message id.
    pub message_id: MessageId,
    /// When it was delivered.
    pub processed_at: Option<Timestamp>,
    /// The member `number` of its payload, as text.
    pub number: Option<String>,
}

/// All notifications of a user, in no order.
///
/// # Errors
///
/// Those of the query.
pub async fn measured(client: &impl GenericClient, user: UserId) -> Result<Vec<Measured>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT message_id, processed_at, payload ->> 'number' FROM notifications WHERE user_id = $1",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    let measured = rows.iter().map(|row| Measured {
        message_id: row.get::<_, Uuid>(0).into(),
        processed_at: row.get(1),
        number: row.get(2),
    });
    Ok(measured.collect())
}
