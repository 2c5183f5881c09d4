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
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut page, mut bytes) = (Vec::new(), 0);
    loop {
        let asked = rows_to_ask_for(page.len(), bytes, limit);
        let rows = query(after.as_ref(), i64::try_from(asked).unwrap_or(i64::MAX)).await?;
        pin_mut!(rows);
        let mut received = 0;
        while let Some(row) = rows.next().await {
            let row = row?;
            // This row shows that another page follows.
            if page.len() == limit || bytes > PAGE_BYTES {
                return Ok((page, after));
            }
            received += 1;
            bytes += row.raw_size_bytes();
            let row = T::from(&row);
            after = Some(cursor_of(&row));
            page.push(row);
        }
        if received < asked {
            return Ok((page, None));
        }
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
