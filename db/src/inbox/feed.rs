//! What streams of inboxes have not seen. All statements of a look have one snapshot.

use std::collections::HashMap;

use futures_util::{StreamExt, pin_mut};
use tidings_domain::notification::{MessageId, UserId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::change::ChangedState;
use super::position::{SeenPosition, current_position, is_current};
use super::row::{InboxRow, VISIBLE, columns};
use super::snapshot_transaction;
use super::unread::{UnreadCount, count_unread};
use crate::GenericClient;
use crate::database::Database;
use crate::error::DbError;
use crate::page::PAGE_BYTES;
use crate::user_settings::{UserQuietHours, quiet_hours};

/// Most notifications that a stream gets when it resumes.
pub const RESUME_ROWS: u32 = 200;

/// Most notifications that a look returns for a user.
const LOOK_ROWS: u32 = 64;

/// About the most bytes of notifications that a look holds, for all its users. Those beyond read their list again.
const LOOK_BYTES: usize = 16 * PAGE_BYTES;

/// Most changes of state that a look returns for a user.
const LOOK_STATES: u32 = 200;

/// Up to which number streams count unread notifications.
pub const UNREAD_CAP: u32 = 100;

/// Rows whose transactions a position has not seen. NULL and numbers of another database do not count.
const UNSEEN: &str = "recorded_xid >= pg_snapshot_xmin(seen) AND recorded_xid < pg_snapshot_xmax(pg_current_snapshot())
                      AND NOT pg_visible_in_snapshot(recorded_xid, seen)";

/// The same for changes of state.
const UNSEEN_STATE: &str =
    "state_xid >= pg_snapshot_xmin(seen) AND state_xid < pg_snapshot_xmax(pg_current_snapshot())
     AND NOT pg_visible_in_snapshot(state_xid, seen)";

/// What is new in the inbox of a user.
#[derive(Clone, Debug, Default)]
pub struct InboxNews {
    /// New notifications, in the order of their transactions.
    pub rows: Vec<InboxRow>,
    /// The quiet hours of the user, for those of `rows` whose category obeys them.
    pub quiet_hours: HashMap<MessageId, UserQuietHours>,
    /// Changes of state, also of notifications in `rows`.
    pub states: Vec<ChangedState>,
    /// Whether there is more than is returned here, so that the client must read the list again.
    pub is_incomplete: bool,
    /// The unread notifications.
    pub unread: UnreadCount,
}

/// Returns which of the users have news since their positions, and the position of this answer.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn users_with_news(
    database: &Database,
    positions: &[(UserId, SeenPosition)],
) -> Result<(Vec<UserId>, SeenPosition), DbError> {
    let sql = format!(
        "SELECT user_id
         FROM (SELECT wanted.user_id AS wanted_id, seen::pg_snapshot AS seen
               FROM unnest($1::uuid[], $2::text[]) AS wanted (user_id, seen)) AS wanted
              CROSS JOIN LATERAL (
                  SELECT wanted_id AS user_id
                  WHERE EXISTS (SELECT FROM notifications WHERE user_id = wanted_id AND {VISIBLE} AND {UNSEEN})
                        OR EXISTS (SELECT FROM notifications
                                   WHERE user_id = wanted_id AND {VISIBLE} AND {UNSEEN_STATE})) AS found"
    );
    let (users, seen) = parameters(positions);
    snapshot_transaction(database, async |transaction| {
        let position = current_position(transaction).await?;
        let statement = transaction.prepare_cached(&sql).await?;
        let rows = transaction.query(&statement, &[&users, &seen]).await?;
        let users = rows.iter().map(|row| row.get::<_, Uuid>(0).into());
        Ok((users.collect(), position))
    })
    .await
}

/// Returns what is new since the positions of the users, and the position of this answer.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn news(
    database: &Database,
    positions: &[(UserId, SeenPosition)],
) -> Result<(HashMap<UserId, InboxNews>, SeenPosition), DbError> {
    snapshot_transaction(database, async |transaction| {
        let position = current_position(transaction).await?;
        let mut news = unseen_rows(transaction, positions, LOOK_ROWS).await?;
        add_states(transaction, positions, &mut news).await?;
        add_unread(transaction, positions, &mut news).await?;
        Ok((news, position))
    })
    .await
}

/// What a stream begins with.
#[derive(Clone, Debug)]
pub struct StreamStart {
    /// What is new since the position from which the stream resumes. `is_incomplete` if that is too long ago or too much, or
    /// if the position is not one of this database.
    pub news: InboxNews,
    /// The position of this answer.
    pub position: SeenPosition,
}

/// Returns what a stream begins with that resumes from a position, or that has none. Changes of state are not repeated: the
/// list contains them, and a stream that resumes gets them if there are few.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn start_stream(
    database: &Database,
    user: UserId,
    from: Option<&SeenPosition>,
) -> Result<StreamStart, DbError> {
    snapshot_transaction(database, async |transaction| {
        let position = current_position(transaction).await?;
        let mut news = HashMap::new();
        match from {
            Some(from) if is_current(transaction, from).await? => {
                let positions = [(user, from.clone())];
                news = unseen_rows(transaction, &positions, RESUME_ROWS).await?;
                add_states(transaction, &positions, &mut news).await?;
            }
            Some(_) => {
                let entry: &mut InboxNews = news.entry(user).or_default();
                entry.is_incomplete = true;
            }
            None => {}
        }
        let news = news.remove(&user).unwrap_or_default();
        let unread = count_unread(transaction, &[user], UNREAD_CAP).await?;
        let unread = unread.get(&user).copied().unwrap_or_default();
        Ok(StreamStart {
            news: InboxNews { unread, ..news },
            position,
        })
    })
    .await
}

fn parameters(positions: &[(UserId, SeenPosition)]) -> (Vec<Uuid>, Vec<String>) {
    let of_user =
        |(user, position): &(UserId, SeenPosition)| (user.as_uuid(), position.snapshot.to_string());
    positions.iter().map(of_user).unzip()
}

/// Reads up to `limit` rows of each user, of about [`PAGE_BYTES`] and of the last 24 hours, and of about [`LOOK_BYTES`] for
/// all of them.
async fn unseen_rows(
    client: &impl GenericClient,
    positions: &[(UserId, SeenPosition)],
    limit: u32,
) -> Result<HashMap<UserId, InboxNews>, DbError> {
    let columns = columns();
    // The row after the last one shows that there are more.
    let sql = format!(
        "SELECT found.*, CASE WHEN obeys_quiet_hours THEN (
                    SELECT ARRAY[user_settings.quiet::text, users.timezone]
                    FROM user_settings JOIN users ON users.id = user_settings.user_id
                    WHERE user_settings.user_id = wanted_id AND user_settings.quiet IS NOT NULL) END AS quiet_hours
         FROM (SELECT wanted.user_id AS wanted_id, seen::pg_snapshot AS seen
               FROM unnest($1::uuid[], $2::text[]) AS wanted (user_id, seen)) AS wanted
              CROSS JOIN LATERAL (
                  SELECT {columns}, processed_at < now() - interval '24 hours' AS is_late,
                         NOT EXISTS (SELECT FROM categories
                                     WHERE categories.name = notifications.category
                                           AND (categories.kind = 'critical' OR categories.quiet = 'ignore'))
                             AS obeys_quiet_hours
                  FROM notifications
                  WHERE user_id = wanted_id AND {VISIBLE} AND {UNSEEN}
                  ORDER BY recorded_xid, id LIMIT $3) AS found"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (users, seen) = parameters(positions);
    let rows = i64::from(limit) + 1;
    let parameters: [&(dyn ToSql + Sync); 3] = [&users, &seen, &rows];
    let rows = client.query_raw(&statement, parameters).await?;
    pin_mut!(rows);
    let mut news: HashMap<UserId, InboxNews> = HashMap::new();
    let mut bytes: HashMap<UserId, usize> = HashMap::new();
    let mut held = 0;
    while let Some(row) = rows.next().await {
        let row = row?;
        let user = UserId::from(row.get::<_, Uuid>("user_id"));
        let (entry, bytes) = (
            news.entry(user).or_default(),
            bytes.entry(user).or_default(),
        );
        if entry.is_incomplete {
            continue;
        }
        *bytes += row.raw_size_bytes();
        held += row.raw_size_bytes();
        let is_full = entry.rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let is_late = row.get::<_, Option<bool>>("is_late").unwrap_or(false);
        if is_full || *bytes > PAGE_BYTES || held > LOOK_BYTES || is_late {
            entry.is_incomplete = true;
            entry.rows = Vec::new();
            held -= std::mem::take(bytes);
        } else {
            let found = InboxRow::from(&row);
            if let Some(hours) = quiet_hours(row.get("quiet_hours")) {
                let id = found.notification.message_id;
                entry.quiet_hours.insert(id, hours);
            }
            entry.rows.push(found);
        }
    }
    Ok(news)
}

async fn add_states(
    client: &impl GenericClient,
    positions: &[(UserId, SeenPosition)],
    news: &mut HashMap<UserId, InboxNews>,
) -> Result<(), DbError> {
    let sql = format!(
        "SELECT wanted_id, found.*
         FROM (SELECT wanted.user_id AS wanted_id, seen::pg_snapshot AS seen
               FROM unnest($1::uuid[], $2::text[]) AS wanted (user_id, seen)) AS wanted
              CROSS JOIN LATERAL (
                  SELECT message_id, read_at, archived_at FROM notifications
                  WHERE user_id = wanted_id AND {VISIBLE} AND {UNSEEN_STATE}
                  ORDER BY state_xid, message_id LIMIT {LOOK_STATES} + 1) AS found"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (users, seen) = parameters(positions);
    let max = usize::try_from(LOOK_STATES).unwrap_or(usize::MAX);
    for row in client.query(&statement, &[&users, &seen]).await? {
        let entry = news.entry(row.get::<_, Uuid>(0).into()).or_default();
        entry.is_incomplete |= entry.states.len() >= max;
        entry.states.push(ChangedState {
            message_id: row.get::<_, Uuid>(1).into(),
            read_at: row.get(2),
            archived_at: row.get(3),
        });
    }
    Ok(())
}

async fn add_unread(
    client: &impl GenericClient,
    positions: &[(UserId, SeenPosition)],
    news: &mut HashMap<UserId, InboxNews>,
) -> Result<(), DbError> {
    let users: Vec<UserId> = positions.iter().map(|(user, _)| *user).collect();
    for (user, unread) in count_unread(client, &users, UNREAD_CAP).await? {
        news.entry(user).or_default().unread = unread;
    }
    Ok(())
}
