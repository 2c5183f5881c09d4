//! Lists of notifications under any filter, each page of which reads a bounded number of rows.

use jiff::Timestamp;
use tidings_domain::notification::{Channel, Status};
use tokio_postgres::{Row, RowStream};
use uuid::Uuid;

use super::ended;
use super::filter::{Conditions, NotificationFilter};
use super::listed::{LISTED_COLUMNS, ListedNotification};
use super::read::{COLUMNS, IdCursor, NotificationRow};
use super::search_cursor::SearchCursor;
use crate::GenericClient;
use crate::error::DbError;
use crate::page::{Filled, PageRows};

/// A page ends after so many rows in the order of an index that do not match the other conditions.
pub const MAX_SEARCHED: i64 = 10_000;

/// Like [`MAX_SEARCHED`], for a host or a reference of a provider: the attempts of each row are looked up.
pub const MAX_SEARCHED_WITH_ATTEMPTS: i64 = 2_000;

/// A page of notifications: the newest first, or the one that ended last ([`NotificationFilter::is_by_end`]).
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPage<T> {
    /// The notifications; perhaps none although another page follows.
    pub rows: Vec<T>,
    /// The position of the next page, if there is one.
    pub next: Option<SearchCursor>,
    /// Set if the page ended because it has read as many rows as a page may: it has looked at what was accepted, or ended, at
    /// this time or later.
    pub searched_until: Option<Timestamp>,
}

/// Returns a page of notifications in the order of acceptance, without in-app notifications that have expired, and the cursor
/// of the next page if there is one. See [`search`].
///
/// # Errors
///
/// Returns the error of a query.
pub async fn list(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<NotificationRow>, Option<IdCursor>), DbError> {
    let after = after.map(|IdCursor(id)| SearchCursor::Accepted(id));
    let page = search(client, filter, after, limit).await?;
    let next = page.next.map(|next| match next {
        SearchCursor::Accepted(id) | SearchCursor::Ended(_, id) => IdCursor(id),
    });
    Ok((page.rows, next))
}

/// Returns a page of notifications, without in-app notifications that have expired.
///
/// # Errors
///
/// Returns the error of a query.
pub async fn search(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
    limit: u32,
) -> Result<SearchPage<NotificationRow>, DbError> {
    read(client, COLUMNS, filter, after, limit).await
}

/// Like [`search`], without the contents.
///
/// # Errors
///
/// Returns the error of a query.
pub async fn search_without_contents(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
    limit: u32,
) -> Result<SearchPage<ListedNotification>, DbError> {
    read(client, LISTED_COLUMNS, filter, after, limit).await
}

/// A row and its place in the order of the search.
struct Placed<T> {
    row: T,
    at: Timestamp,
    id: Uuid,
}

impl<T: for<'r> From<&'r Row>> From<&Row> for Placed<T> {
    fn from(row: &Row) -> Self {
        Self {
            row: T::from(row),
            at: row.get("place_at"),
            id: row.get("place_id"),
        }
    }
}

async fn read<T: for<'r> From<&'r Row>>(
    client: &impl GenericClient,
    columns: &str,
    filter: &NotificationFilter,
    mut after: Option<SearchCursor>,
    limit: u32,
) -> Result<SearchPage<T>, DbError> {
    let cursor = |at, id| {
        if filter.is_by_end() {
            SearchCursor::Ended(at, id)
        } else {
            SearchCursor::Accepted(id)
        }
    };
    let mut page = PageRows::<Placed<T>>::new(limit);
    loop {
        let asked = page.rows_to_ask_for();
        let rows = rows_after(client, columns, filter, after, asked).await?;
        let filled = page.fill(rows, asked).await?;
        let last = page.rows.last().map(|placed| cursor(placed.at, placed.id));
        let end = match filled {
            Filled::AskAgain => {
                after = last.or(after);
                continue;
            }
            Filled::Full => None,
            Filled::NoMoreRows => Some(search_end(client, filter, after).await?),
        };
        let rows = page.rows.into_iter().map(|placed| placed.row).collect();
        return Ok(match end {
            None => SearchPage {
                rows,
                next: last.or(after),
                searched_until: None,
            },
            Some(end) => SearchPage {
                rows,
                next: end.map(|(id, at)| cursor(at, id)),
                searched_until: end.map(|(_, at)| at),
            },
        });
    }
}

/// The conditions that an index finds in the order of ids, and those that its rows are searched for. The literals are those
/// of the partial indexes.
fn scan(
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
) -> (Conditions, NotificationFilter) {
    let mut rest = filter.clone();
    let mut found = NotificationFilter::default();
    if filter.message_id.is_some() {
        found.message_id = rest.message_id.take();
    } else if filter.user_id.is_some() {
        found.user_id = rest.user_id.take();
    } else if filter
        .status
        .is_some_and(|status| status != Status::Processed)
    {
        found.status = rest.status.take();
    } else if filter
        .channel
        .is_some_and(|channel| channel != Channel::InApp)
    {
        found.channel = rest.channel.take();
    }
    let mut conditions = Conditions::empty();
    conditions.add_filter(&found);
    if found.status.is_some() {
        conditions.add("status <> 'processed'".to_owned());
    }
    if found.channel.is_some() {
        conditions.add("type <> 'in-app'".to_owned());
    }
    if let Some(SearchCursor::Accepted(id)) = after {
        let id = conditions.parameter(id);
        conditions.add(format!("id < {id}"));
    }
    // Ids increase with the time of the acceptance.
    if let Some(id) = filter.created_from.map(first_id) {
        let id = conditions.parameter(id);
        conditions.add(format!("id >= {id}"));
    }
    if let Some(id) = filter.created_before.and_then(first_id_after) {
        let id = conditions.parameter(id);
        conditions.add(format!("id < {id}"));
    }
    (conditions, rest)
}

/// How many rows a page with this filter reads at most.
fn most_searched(filter: &NotificationFilter) -> i64 {
    if filter.host.is_some() || filter.reference.is_some() {
        MAX_SEARCHED_WITH_ATTEMPTS
    } else {
        MAX_SEARCHED
    }
}

/// The lowest id of the millisecond of `time`.
fn first_id(time: Timestamp) -> Uuid {
    let millis = u128::try_from(time.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// The lowest id of the millisecond after `time`.
fn first_id_after(time: Timestamp) -> Option<Uuid> {
    let next = Timestamp::from_millisecond(time.as_millisecond().checked_add(1)?);
    next.ok().map(first_id)
}

/// An in-app notification that has expired is shown no more.
const SHOWN: &str =
    "(type <> 'in-app' OR status <> 'processed' OR expires_at IS NULL OR expires_at > now())";

async fn rows_after(
    client: &impl GenericClient,
    columns: &str,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
    rows: i64,
) -> Result<RowStream, DbError> {
    let (conditions, sql) = if filter.is_by_end() {
        by_end(columns, filter, after, rows)
    } else {
        by_acceptance(columns, filter, after, rows)
    };
    let statement = client.prepare_cached(&sql).await?;
    Ok(client
        .query_raw(&statement, conditions.parameters())
        .await?)
}

fn by_acceptance(
    columns: &str,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
    rows: i64,
) -> (Conditions, String) {
    let (mut conditions, rest) = scan(filter, after);
    let found = conditions.next_part();
    let searched = conditions.parameter(most_searched(filter));
    conditions.add(SHOWN.to_owned());
    conditions.add_filter(&rest);
    let limit = conditions.parameter(rows);
    let sql = format!(
        "SELECT {columns}, created_at AS place_at, id AS place_id
         FROM (SELECT * FROM notifications WHERE {found} ORDER BY id DESC LIMIT {searched}) AS notifications
         WHERE {} ORDER BY id DESC LIMIT {limit}",
        conditions.sql()
    );
    (conditions, sql)
}

fn by_end(
    columns: &str,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
    rows: i64,
) -> (Conditions, String) {
    let mut conditions = Conditions::empty();
    let searched = conditions.parameter(most_searched(filter));
    let ended = ended::select(&mut conditions, filter, position(after), &searched);
    conditions.add(SHOWN.to_owned());
    conditions.add_filter(&NotificationFilter {
        ended_from: None,
        ended_before: None,
        ..filter.clone()
    });
    let limit = conditions.parameter(rows);
    // LATERAL and OFFSET: each row is found by its id, in this order, until there are enough.
    let sql = format!(
        "SELECT {columns}, ended AS place_at, ended_id AS place_id FROM ({ended}) AS found
                CROSS JOIN LATERAL (SELECT * FROM notifications WHERE id = found.ended_id OFFSET 0) AS notifications
         WHERE {} ORDER BY ended DESC, ended_id DESC LIMIT {limit}",
        conditions.sql()
    );
    (conditions, sql)
}

const fn position(after: Option<SearchCursor>) -> Option<(Timestamp, Uuid)> {
    match after {
        Some(SearchCursor::Ended(at, id)) => Some((at, id)),
        Some(SearchCursor::Accepted(_)) | None => None,
    }
}

/// The last row that the search after `after` has looked at, and its time in the order; `None` if there are no more rows.
async fn search_end(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<SearchCursor>,
) -> Result<Option<(Uuid, Timestamp)>, DbError> {
    if filter.message_id.is_some() {
        return Ok(None);
    }
    let most = most_searched(filter);
    let (conditions, sql) = if filter.is_by_end() {
        let mut conditions = Conditions::empty();
        let searched = conditions.parameter(most);
        let ended = ended::select(&mut conditions, filter, position(after), &searched);
        let skipped = conditions.parameter(most - 1);
        let sql = format!(
            "SELECT ended_id, ended FROM ({ended}) AS found
             ORDER BY ended DESC, ended_id DESC OFFSET {skipped} LIMIT 1"
        );
        (conditions, sql)
    } else {
        let (mut conditions, _) = scan(filter, after);
        let found = conditions.next_part();
        let skipped = conditions.parameter(most - 1);
        let sql = format!(
            "SELECT id, created_at FROM notifications
             WHERE id = (SELECT id FROM notifications WHERE {found} ORDER BY id DESC OFFSET {skipped} LIMIT 1)"
        );
        (conditions, sql)
    };
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_opt(&statement, &conditions.parameters())
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_begin_at_its_millisecond() {
        let time: Timestamp = "2027-01-31T12:00:00.1234Z".parse().expect("a time");
        let millis = u64::try_from(time.as_millisecond()).expect("after 1970");
        let of = |millis| uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        assert!(first_id(time) <= of(millis) && first_id(time) > of(millis - 1));
        let after = first_id_after(time).expect("a time");
        assert!(after > of(millis) && after <= of(millis + 1));
        assert_eq!(first_id(Timestamp::MIN), Uuid::nil());
    }

    #[test]
    fn the_most_selective_condition_with_an_index_is_scanned() {
        let filter = NotificationFilter {
            status: Some(Status::Failed),
            channel: Some(Channel::Email),
            ..NotificationFilter::default()
        };
        let (mut conditions, rest) = scan(&filter, None);
        assert_eq!(
            conditions.next_part(),
            "status = 'failed' AND status <> 'processed'"
        );
        assert_eq!((rest.status, rest.channel), (None, Some(Channel::Email)));
        let processed = NotificationFilter {
            status: Some(Status::Processed),
            channel: Some(Channel::InApp),
            ..NotificationFilter::default()
        };
        assert_eq!(scan(&processed, None).0.next_part(), "true");
    }
}
