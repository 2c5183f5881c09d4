use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::notification::{Fingerprint, MessageId, UserId};
use uuid::{Uuid, uuid};

use crate::GenericClient;
use crate::error::DbError;

/// A larger body, in bytes, is not stored.
pub(super) const MAX_BODY: usize = 65_536;

/// The longest detail, in characters.
const MAX_DETAIL: usize = 2000;

const NAMESPACE: Uuid = uuid!("6f1c2f3e-0f3c-5a55-9f0e-3b1f5d2c7a10");

/// What distinguishes a letter from all others. The redelivery of a message is the same letter.
#[derive(Clone, Copy, Debug)]
pub struct LetterIdentity<'a> {
    /// The message id in its properties.
    pub message_id: Option<&'a str>,
    /// The name of its stage.
    pub stage: Option<&'a str>,
    /// The header with its idempotency key.
    pub idempotency_key: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl LetterIdentity<'_> {
    /// The id of the letter.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let mut bytes = Vec::with_capacity(self.body.len() + 64);
        for text in [self.stage, self.message_id, self.idempotency_key] {
            let text = text.unwrap_or_default();
            bytes.extend_from_slice(&text.len().to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(self.body);
        Uuid::new_v5(&NAMESPACE, &bytes)
    }
}

/// A letter to record.
#[derive(Clone, Debug)]
pub struct NewLetter<'a> {
    /// What it is.
    pub identity: LetterIdentity<'a>,
    /// The code of the failure.
    pub reason: &'a str,
    /// The failure for people.
    pub detail: Option<&'a str>,
    /// How often it was tried.
    pub attempts: Option<i64>,
    /// When it became a dead letter; `None` for now.
    pub failed_at: Option<Timestamp>,
    /// The properties and headers that a replay keeps.
    pub headers: Value,
    /// The user in its body.
    pub user: Option<UserId>,
    /// Whether the body contains a sensitive payload.
    pub sensitive: bool,
    /// The template, by name and channel, that decides whether the payload is sensitive.
    pub template: Option<(&'a str, &'a str)>,
}

/// The row that a letter must not have to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct WhereRow {
    /// The notification.
    pub id: MessageId,
    /// The fingerprint of the letter's request: the row of another request is not its row.
    pub fingerprint: Option<Fingerprint>,
}

/// Records a letter that has no row, unless its user is erased. A letter that is recorded already has the new failure, unless it
/// was replayed or purged after this failure. Returns whether anything changed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_letter(
    client: &impl GenericClient,
    letter: &NewLetter<'_>,
    row: Option<WhereRow>,
) -> Result<bool, DbError> {
    // The condition about fingerprints is that of `Fingerprint::differ`.
    let statement = client
        .prepare_cached(
            "INSERT INTO dead_letters (id, message_id, stage, reason, detail, attempts, failed_at, headers, body, body_bytes,
                                       user_id, sensitive)
             SELECT $1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9, $10, $11,
                    $12 OR EXISTS (SELECT FROM templates
                                   WHERE name = $13 AND channel = $14 AND sensitive AND deleted_at IS NULL)
             WHERE NOT EXISTS (SELECT FROM users WHERE id = $11 AND erased_at IS NOT NULL)
                   AND NOT EXISTS (SELECT FROM notifications
                                   WHERE message_id = $15
                                         AND ($16::bytea IS NULL OR fingerprint IS NULL OR fingerprint = $16
                                              OR substring(fingerprint FOR 1) <> substring($16 FOR 1)))
             ON CONFLICT (id) DO UPDATE
             SET reason = excluded.reason, detail = excluded.detail, attempts = excluded.attempts,
                 failed_at = excluded.failed_at, headers = excluded.headers, body = excluded.body,
                 sensitive = excluded.sensitive, removed_at = NULL, purged = false
             WHERE excluded.failed_at > dead_letters.failed_at
                   AND (dead_letters.removed_at IS NULL OR excluded.failed_at > dead_letters.removed_at)",
        )
        .await?;
    let NewLetter { identity, .. } = letter;
    let body = (identity.body.len() <= MAX_BODY).then_some(identity.body);
    let bytes = i64::try_from(identity.body.len()).unwrap_or(i64::MAX);
    let (name, channel) = letter.template.unzip();
    let fingerprint = row.and_then(|row| row.fingerprint);
    let recorded = client
        .execute(
            &statement,
            &[
                &identity.id(),
                &identity.message_id.map(storable),
                &identity.stage,
                &letter.reason,
                &letter.detail.map(storable),
                &letter.attempts,
                &letter.failed_at,
                &letter.headers,
                &body,
                &bytes,
                &letter.user.map(UserId::as_uuid),
                &letter.sensitive,
                &name,
                &channel,
                &row.map(|row| row.id.as_uuid()),
                &fingerprint.as_ref().map(Fingerprint::as_bytes),
            ],
        )
        .await?;
    Ok(recorded > 0)
}

/// How many days after its replay or purge a letter is kept, so that its copy in the queue is known.
const REMOVED_DAYS: i32 = 30;

/// The number of letters that one statement deletes.
const CHUNK: i64 = 1000;

/// Deletes letters that are older than `all`, those with a sensitive payload that are older than `sensitive`, and those that were
/// replayed or purged 30 days ago. Deletes at most 1000, and returns whether there may be more.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_old_letters(
    client: &impl GenericClient,
    all: Option<Duration>,
    sensitive: Duration,
) -> Result<(u64, bool), DbError> {
    let statement = client
        .prepare_cached(
            "WITH old AS MATERIALIZED (
                 SELECT id FROM dead_letters
                 WHERE removed_at IS NULL AND failed_at <= now() - make_interval(secs => $1)
                       OR removed_at IS NULL AND sensitive AND failed_at <= now() - make_interval(secs => $2)
                       -- The body of these is gone, or a job publishes it at this moment.
                       OR removed_at <= now() - least(make_interval(secs => $1), make_interval(days => $3))
                 LIMIT $4 FOR UPDATE SKIP LOCKED
             )
             DELETE FROM dead_letters USING old WHERE dead_letters.id = old.id",
        )
        .await?;
    let all = all.map(|age| age.as_secs_f64());
    let deleted = client
        .execute(
            &statement,
            &[&all, &sensitive.as_secs_f64(), &REMOVED_DAYS, &CHUNK],
        )
        .await?;
    Ok((deleted, deleted >= CHUNK.unsigned_abs()))
}

/// Cuts a text, and replaces NUL, which PostgreSQL cannot store.
fn storable(text: &str) -> String {
    let text = text.chars().take(MAX_DETAIL);
    text.map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_differs_by_each_of_its_parts() {
        let one = LetterIdentity {
            message_id: Some("a"),
            stage: Some("intake"),
            idempotency_key: None,
            body: b"body",
        };
        let others = [
            LetterIdentity {
                message_id: Some("b"),
                ..one
            },
            LetterIdentity {
                message_id: None,
                idempotency_key: Some("a"),
                ..one
            },
            LetterIdentity { stage: None, ..one },
            LetterIdentity { body: b"", ..one },
        ];
        assert_eq!(one.id(), one.id());
        for other in others {
            assert_ne!(one.id(), other.id(), "{other:?}");
        }
    }
}
