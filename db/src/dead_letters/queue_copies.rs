use jiff::Timestamp;
use tidings_domain::notification::{Fingerprint, MessageId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A dead letter of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueCopy {
    /// The notification that it is about, if its stage can decode it.
    pub message_id: Option<MessageId>,
    /// The fingerprint of its request, if it has one: the row of another request is not its row.
    pub fingerprint: Option<Fingerprint>,
    /// The id that it has as a letter without a row.
    pub letter: Uuid,
    /// When it became a dead letter, if that is known.
    pub failed_at: Option<Timestamp>,
    /// Whether the broker itself has moved it there, so that no row is failed because of it.
    pub is_moved_by_broker: bool,
}

/// What PostgreSQL knows about a dead letter of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// Its row may still fail or has failed, or its letter is listed or in flight.
    Listed,
    /// Nothing, or only a row that waits for it.
    Unknown,
    /// It was replayed or purged after it became a dead letter, or its notification has ended otherwise: the copy is of no use.
    Settled,
    /// A letter that was replayed or purged, but this copy may be of a later failure: it must be listed again.
    Unclear,
}

/// Returns the states of dead letters of the queue, in their order.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn copy_states(
    client: &impl GenericClient,
    copies: &[QueueCopy],
) -> Result<Vec<CopyState>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT notifications.message_id IS NOT NULL,
                    -- While a message becomes a dead letter, its copy is there before its row is failed.
                    coalesce(status IN ('processed', 'cancelled', 'expired', 'suppressed', 'digested')
                             OR status <> 'failed' AND replayed_at > copy.failed_at
                             OR status = 'failed' AND purged_at >= copy.failed_at, false),
                    dead_letters.id IS NOT NULL,
                    removed_at IS NULL OR EXISTS (SELECT FROM replay_jobs
                                                  WHERE in_flight <> '{}' AND copy.letter = ANY(in_flight)),
                    removed_at >= copy.failed_at OR purged AND copy.failed_at IS NULL, is_moved_by_broker AND status IN ('pending', 'retrying')
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bytea[], $5::boolean[]) WITH ORDINALITY
                      AS copy (message_id, letter, failed_at, fingerprint, is_moved_by_broker, n)
                  LEFT JOIN dead_letters ON dead_letters.id = copy.letter
                  -- The last condition is that of `Fingerprint::differ`.
                  LEFT JOIN notifications
                      ON notifications.message_id = copy.message_id
                         AND (copy.fingerprint IS NULL OR notifications.fingerprint IS NULL
                              OR notifications.fingerprint = copy.fingerprint
                              OR substring(notifications.fingerprint FOR 1) <> substring(copy.fingerprint FOR 1))
             ORDER BY n",
        )
        .await?;
    let ids: Vec<Option<Uuid>> = copies
        .iter()
        .map(|copy| copy.message_id.map(MessageId::as_uuid))
        .collect();
    let letters: Vec<Uuid> = copies.iter().map(|copy| copy.letter).collect();
    let times: Vec<Option<Timestamp>> = copies.iter().map(|copy| copy.failed_at).collect();
    let fingerprints: Vec<Option<&[u8]>> = copies
        .iter()
        .map(|copy| copy.fingerprint.as_ref().map(Fingerprint::as_bytes))
        .collect();
    let by_broker: Vec<bool> = copies.iter().map(|copy| copy.is_moved_by_broker).collect();
    let rows = client
        .query(
            &statement,
            &[&ids, &letters, &times, &fingerprints, &by_broker],
        )
        .await?;
    let state = |row: &tokio_postgres::Row| {
        let (has_row, is_settled): (bool, bool) = (row.get(0), row.get(1));
        // The second one is true, too, if there is no letter.
        let (has_letter, is_open): (bool, bool) = (row.get(2), row.get(3));
        match row.get::<_, Option<bool>>(4) {
            // A letter comes first: a message whose key was used before has the row of another request.
            _ if has_letter && is_open => CopyState::Listed,
            Some(true) if has_letter => CopyState::Settled,
            _ if is_settled => CopyState::Settled,
            _ if has_letter => CopyState::Unclear,
            // The row waits for a message that never comes.
            _ if row.get::<_, Option<bool>>(5) == Some(true) => CopyState::Unknown,
            _ if has_row => CopyState::Listed,
            _ => CopyState::Unknown,
        }
    };
    Ok(rows.iter().map(state).collect())
}
