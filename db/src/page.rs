use std::fmt;
use std::str::FromStr;

use futures_util::{StreamExt, pin_mut};
use tokio_postgres::{Row, RowStream};

use crate::error::DbError;

/// A page ends after the row with which its rows exceed this size, in bytes as PostgreSQL sends them. A row may be as
/// large as the largest notification, so the number of rows alone limits no memory.
pub const PAGE_BYTES: usize = 1_000_000;

/// The text is not a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page, unchanged")]
pub struct InvalidCursor;

/// The position after the last row of a page that is ordered by a number. Clients must treat its text form as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberCursor(pub(crate) i64);

impl fmt::Display for NumberCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for NumberCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits_only);
        number.map(Self).ok_or(InvalidCursor)
    }
}

/// Rows that a page asks for before the size of its rows is known.
const FIRST_ROWS: usize = 16;

/// Reads a page: at most `limit` rows, at least one if there is one, and about [`PAGE_BYTES`]. Returns the rows, and the
/// cursor of the next page if there are more rows. `query` returns the given number of rows after a cursor, or all if
/// fewer are left. `cursor_of` returns the position after a row.
///
/// PostgreSQL sends all rows of a query, even if the program drops them. Therefore the page asks for a few rows first, and
/// then for as many as fit if they have the same average size.
///
/// # Errors
///
/// Returns the error of a query.
pub(crate) async fn read_page<T, C>(
    limit: u32,
    mut after: Option<C>,
    query: impl AsyncFn(Option<&C>, i64) -> Result<RowStream, DbError>,
    cursor_of: impl Fn(&T) -> C,
) -> Result<(Vec<T>, Option<C>), DbError>
where
    T: for<'r> From<&'r Row>,
{
    let mut page = PageRows::new(limit);
    loop {
        let asked = page.rows_to_ask_for();
        let rows = query(after.as_ref(), asked).await?;
        let filled = page.fill(rows, asked).await?;
        after = page.rows.last().map(&cursor_of).or(after);
        match filled {
            Filled::Full => return Ok((page.rows, after)),
            Filled::NoMoreRows => return Ok((page.rows, None)),
            Filled::AskAgain => {}
        }
    }
}

/// The rows of a page that is being read: what [`read_page`] does, for callers that cannot use its closures because their
/// future must be `Send`.
pub(crate) struct PageRows<T> {
    pub(crate) rows: Vec<T>,
    bytes: usize,
    limit: usize,
}

/// What follows a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// The page is full, and there are more rows.
    Full,
    /// There are no more rows.
    NoMoreRows,
    /// The page has room: ask for the rows after the last one.
    AskAgain,
}

impl<T> PageRows<T>
where
    T: for<'r> From<&'r Row>,
{
    /// An empty page of at most `limit` rows.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// How many rows to ask for.
    pub(crate) fn rows_to_ask_for(&self) -> i64 {
        let rows = rows_to_ask_for(self.rows.len(), self.bytes, self.limit);
        i64::try_from(rows).unwrap_or(i64::MAX)
    }

    /// Adds rows of a query that asked for `asked`.
    pub(crate) async fn fill(&mut self, rows: RowStream, asked: i64) -> Result<Filled, DbError> {
        pin_mut!(rows);
        let mut received = 0;
        while let Some(row) = rows.next().await {
            let row = row?;
            // This row shows that another page follows.
            if self.rows.len() == self.limit || self.bytes > PAGE_BYTES {
                return Ok(Filled::Full);
            }
            received += 1;
            self.bytes += row.raw_size_bytes();
            self.rows.push(T::from(&row));
        }
        Ok(if received < asked {
            Filled::NoMoreRows
        } else {
            Filled::AskAgain
        })
    }
}

/// How many rows a page asks for that has `rows` rows of `bytes` bytes together: the row that shows whether another page
/// follows is one of them.
fn rows_to_ask_for(rows: usize, bytes: usize, limit: usize) -> usize {
    let missing = limit.saturating_sub(rows).saturating_add(1);
    if rows == 0 {
        return missing.min(FIRST_ROWS);
    }
    let average = (bytes / rows).max(1);
    let fitting = PAGE_BYTES.saturating_sub(bytes) / average;
    missing.min(fitting + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_asks_for_few_rows_until_their_size_is_known() {
        assert_eq!(rows_to_ask_for(0, 0, 200), FIRST_ROWS);
        assert_eq!(rows_to_ask_for(0, 0, 3), 4);
        assert_eq!(rows_to_ask_for(16, 16 * 500, 200), 185);
        assert_eq!(rows_to_ask_for(16, 16 * 60_000, 200), 1);
        assert_eq!(rows_to_ask_for(16, 16 * 20_000, 200), 35);
        assert_eq!(rows_to_ask_for(16, 2 * PAGE_BYTES, 200), 1);
        assert_eq!(rows_to_ask_for(200, 200, 200), 1);
    }

    #[test]
    fn a_number_cursor_is_digits() {
        let cursor: NumberCursor = "17".parse().expect("a cursor");
        assert_eq!(cursor.to_string(), "17");
        for text in ["", "-1", "+1", "1.5", " 1", "99999999999999999999", "x"] {
            assert_eq!(text.parse::<NumberCursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
