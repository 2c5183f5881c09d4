//! Fingerprints of the requests that created notifications.

use std::collections::HashMap;

use tidings_domain::notification::{Fingerprint, MessageId};
use uuid::Uuid;

use super::insert::fingerprint;
use crate::GenericClient;
use crate::error::DbError;

/// Which notification a caller asks for.
#[derive(Clone, Copy, Debug)]
pub struct FingerprintRequest<'a> {
    /// The id of the notification.
    pub id: MessageId,
    /// The caller. A row of another sender counts as absent.
    pub sender: &'a str,
}

/// Returns the fingerprints of those notifications that are recorded; `None` stands for a row without one. A row without a
/// sender, of an older version, counts as the caller's: the id is derived from the caller and its key.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_fingerprints(
    client: &impl GenericClient,
    requests: &[FingerprintRequest<'_>],
) -> Result<HashMap<MessageId, Option<Fingerprint>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, fingerprint
             FROM unnest($1::uuid[], $2::text[]) AS wanted (id, wanted_sender)
                  CROSS JOIN LATERAL (
                      SELECT fingerprint, sender FROM notifications
                      WHERE message_id = wanted.id OFFSET 0) AS found
             WHERE found.sender IS NULL OR found.sender = wanted_sender",
        )
        .await?;
    let ids: Vec<Uuid> = requests.iter().map(|one| one.id.as_uuid()).collect();
    let senders: Vec<&str> = requests.iter().map(|one| one.sender).collect();
    let rows = client.query(&statement, &[&ids, &senders]).await?;
    Ok(rows
        .iter()
        .map(|row| (row.get::<_, Uuid>(0).into(), fingerprint(row.get(1))))
        .collect())
}
