use std::fmt;
use std::str::FromStr;

use futures_util::{StreamExt, pin_mut};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::GenericClient;
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

/// Reads a page: at most `limit` rows, at least one if there is one, and about [`PAGE_BYTES`]. The last parameter of
/// `statement` is the maximum number of rows; this function adds it to `parameters`. Returns the rows, and the cursor
/// of the next page if there are more rows. `cursor_of` returns the position after a row.
///
/// Rows are read one by one, and the rest of a page that has become too large is dropped without being stored, so that
/// a reader cannot make the program hold more than one page.
///
/// # Errors
///
/// Returns the error of the query.
pub(crate) async fn read_page<T, C>(
    client: &impl GenericClient,
    statement: &Statement,
    parameters: &[&(dyn ToSql + Sync)],
    limit: u32,
    cursor_of: impl Fn(&T) -> C,
) -> Result<(Vec<T>, Option<C>), DbError>
where
    T: for<'r> From<&'r Row>,
{
    // One row more than the limit shows whether another page follows.
    let max_rows = i64::from(limit) + 1;
    let mut all: Vec<&(dyn ToSql + Sync)> = parameters.to_vec();
    all.push(&max_rows);
    let rows = client.query_raw(statement, all).await?;
    pin_mut!(rows);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().await {
        let row = row?;
        if page.len() == limit || bytes > PAGE_BYTES {
            let next = page.last().map(cursor_of);
            return Ok((page, next));
        }
        bytes += row.raw_size_bytes();
        page.push(T::from(&row));
    }
    Ok((page, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_cursor_is_digits() {
        let cursor: NumberCursor = "17".parse().expect("a cursor");
        assert_eq!(cursor.to_string(), "17");
        for text in ["", "-1", "+1", "1.5", " 1", "99999999999999999999", "x"] {
            assert_eq!(text.parse::<NumberCursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
