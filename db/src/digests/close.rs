//! Closes digests: what a scheduler does when their time has come.

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_domain::category::CategoryName;
use tidings_domain::content::TemplateRef;
use tidings_domain::decision::SuppressReason;
use tidings_domain::digest::{DigestMessage, template_name};
use tidings_domain::notification::{Channel, DigestId, MessageId, Notification, UserId};
use tidings_domain::time::{DeliveryWindow, Timezone};
use uuid::Uuid;

use super::close_items::{ClosedItems, decide_items, end_items, newest};
use super::facts::{DigestFacts, facts_of_digest};
use crate::error::DbError;
use crate::notifications::{FirstState, InsertedRow, insert_rows};
use crate::{GenericClient, Transaction};

/// What came of closing a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseResult {
    /// Its notification is due, with so many items.
    Sent(usize),
    /// It had one item, which is due by itself.
    Single,
    /// No item was left to send.
    Empty,
    /// It stays open: its category or its user now say a later time.
    Later,
    /// Another scheduler has closed it.
    Closed,
}

/// What a transaction has done that closes a digest.
#[derive(Clone, Debug)]
pub struct Closing {
    /// What came of the digest.
    pub result: CloseResult,
    /// The channel of the digest and its items.
    pub channel: Option<Channel>,
    /// Whether the notification of the digest is new.
    pub is_recorded: bool,
    /// Why notifications are not sent: their user is gone, or does not want them.
    pub suppressed: Vec<SuppressReason>,
    /// How many items have expired.
    pub expired: usize,
}

impl Closing {
    /// Nothing has changed.
    const fn none(result: CloseResult) -> Self {
        Self {
            result,
            channel: None,
            is_recorded: false,
            suppressed: Vec::new(),
            expired: 0,
        }
    }
}

/// Returns the open digests whose time has come, the oldest first: at most `limit`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn due(client: &impl GenericClient, limit: u32) -> Result<Vec<DigestId>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id FROM digests WHERE status = 'open' AND closes_at <= now() ORDER BY closes_at, id LIMIT $1",
        )
        .await?;
    let rows = client.query(&statement, &[&i64::from(limit)]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Uuid>(0).into())
        .collect())
}

/// An open digest that the transaction has locked.
struct OpenDigest {
    id: DigestId,
    user: UserId,
    channel: String,
    category: String,
}

/// Closes a digest: decides again about its items, and makes its notification due, or its only item.
///
/// The transaction must be at `READ COMMITTED`, and do nothing else. Waits up to 5 s for transactions that add items: to
/// leave a locked digest for later would starve one that gets items all the time.
///
/// # Errors
///
/// Returns the error of the query that fails. PostgreSQL cancels a statement that waits too long (`lock_not_available`).
pub async fn close(
    transaction: &Transaction<'_>,
    id: DigestId,
    default_timezone: &Timezone,
) -> Result<Closing, DbError> {
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5s'")
        .await?;
    let Some(digest) = lock(transaction, id).await? else {
        return Ok(Closing::none(CloseResult::Closed));
    };
    // Statements of their own: their snapshots include what was committed while the first one waited for the lock.
    let (locale, closes_later) = times(transaction, &digest, default_timezone).await?;
    if closes_later {
        return Ok(Closing::none(CloseResult::Later));
    }
    let items = decide_items(transaction, id).await?;
    let ended = end_items(transaction, &items).await?;
    let mut closing = Closing {
        channel: digest.channel.parse().ok(),
        suppressed: items.suppressed(),
        expired: items.expired(),
        ..Closing::none(CloseResult::Empty)
    };
    let message = match items.wanted.as_slice() {
        [] => None,
        [only] => {
            release(transaction, *only).await?;
            closing.result = CloseResult::Single;
            Some(*only)
        }
        all => {
            let (message, row) = send(transaction, &digest, &items, locale, ended).await?;
            closing.result = CloseResult::Sent(all.len());
            closing.is_recorded = row.is_some();
            // The user is gone since the items were decided.
            closing
                .suppressed
                .extend(row.and_then(|row| row.suppressed));
            Some(message)
        }
    };
    let statement = transaction
        .prepare_cached(
            "UPDATE digests SET status = $2, message_id = $3, closed_at = now() WHERE id = $1",
        )
        .await?;
    let status = match message {
        Some(_) => "sent",
        None => "empty",
    };
    let message = message.map(MessageId::as_uuid);
    transaction
        .execute(&statement, &[&id.as_uuid(), &status, &message])
        .await?;
    Ok(closing)
}

/// Locks a digest, and looks whether it is open.
async fn lock(transaction: &Transaction<'_>, id: DigestId) -> Result<Option<OpenDigest>, DbError> {
    let statement = transaction
        .prepare_cached(
            "SELECT user_id, channel, category, status FROM digests WHERE id = $1 FOR NO KEY UPDATE",
        )
        .await?;
    let row = transaction.query_opt(&statement, &[&id.as_uuid()]).await?;
    Ok(row
        .filter(|row| row.get::<_, &str>(3) == "open")
        .map(|row| OpenDigest {
            id,
            user: row.get::<_, Uuid>(0).into(),
            channel: row.get(1),
            category: row.get(2),
        }))
}

/// Returns the language of the user, and whether the digest stays open because its category or its user now say a later
/// time. If so, writes this time.
async fn times(
    transaction: &Transaction<'_>,
    digest: &OpenDigest,
    default_timezone: &Timezone,
) -> Result<(Option<String>, bool), DbError> {
    let sql = format!(
        "SELECT {}, opened_at, now(), items >= max_items,
                (SELECT locale FROM users WHERE users.id = digests.user_id)
         FROM digests WHERE id = $1",
        facts_of_digest()
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction
        .query_one(&statement, &[&digest.id.as_uuid()])
        .await?;
    let locale = row.get(4);
    // A category that is gone or critical collects nothing any more.
    let Some(facts) = DigestFacts::read(row.get(0)) else {
        return Ok((locale, false));
    };
    let closes_at = facts.closes_at(default_timezone, row.get(1));
    let is_full: bool = row.get(3);
    if is_full || closes_at <= row.get::<_, Timestamp>(2) {
        return Ok((locale, false));
    }
    let statement = transaction
        .prepare_cached("UPDATE digests SET closes_at = $2 WHERE id = $1")
        .await?;
    transaction
        .execute(&statement, &[&digest.id.as_uuid(), &closes_at])
        .await?;
    Ok((locale, true))
}

/// Makes the only item of a digest due. It stays in its digest, so that it is not collected again.
async fn release(transaction: &Transaction<'_>, item: MessageId) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("UPDATE notifications SET not_before = now() WHERE message_id = $1")
        .await?;
    transaction.execute(&statement, &[&item.as_uuid()]).await?;
    Ok(())
}

/// Inserts the notification of a digest, and ends its items. Returns how its row begins, if it is new.
async fn send(
    transaction: &Transaction<'_>,
    digest: &OpenDigest,
    items: &ClosedItems,
    locale: Option<String>,
    now: Timestamp,
) -> Result<(MessageId, Option<InsertedRow>), DbError> {
    let id = MessageId::for_digest(digest.id);
    let (Ok(channel), Ok(category)) = (
        digest.channel.parse::<Channel>(),
        digest.category.parse::<CategoryName>(),
    ) else {
        // Only valid names are written.
        return Ok((id, None));
    };
    let (newest, sensitive) = newest(transaction, &items.wanted).await?;
    let message = DigestMessage {
        category: &category,
        items: &newest,
        total: items.wanted.len(),
    };
    let template = template_name(&category);
    let notification = Notification {
        message_id: id,
        user_id: Some(digest.user),
        channel,
        accepted_at: now,
        payload: message
            .payload(channel)
            .unwrap_or_else(|_| RawValue::NULL.to_owned()),
        // The payload of a webhook has no template.
        template: (channel != Channel::Webhook).then_some(TemplateRef {
            name: template,
            locale,
        }),
        sender: None,
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive,
        category: Some(category),
        digest_key: None,
        trace: None,
    };
    let row = (&notification, FirstState::message_of(digest.id, now));
    let (inserted, _) = insert_rows(transaction, &[row], false).await?;
    let statement = transaction
        .prepare_cached(
            "UPDATE notifications SET status = 'digested', reason = 'digest', release_until = NULL
             WHERE message_id = ANY ($1)",
        )
        .await?;
    let ids: Vec<Uuid> = items.wanted.iter().map(|id| id.as_uuid()).collect();
    transaction.execute(&statement, &[&ids]).await?;
    Ok((id, inserted.get(&id).copied()))
}
