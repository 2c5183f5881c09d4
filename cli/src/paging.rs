//! Reads lists page by page.

/// The most rows of one query.
pub const PAGE: u32 = 200;

/// Rows of a list.
#[derive(Debug)]
pub struct Listed<T> {
    pub rows: Vec<T>,
    /// Whether there are more than the limit allows.
    pub has_more: bool,
}

impl<T> Listed<T> {
    /// What follows the number of rows.
    pub const fn rest(&self) -> &'static str {
        if self.has_more {
            ", and there are more: use --limit"
        } else {
            ""
        }
    }
}

/// Reads pages until there are `limit` rows, or no more. `read` gets the cursor after the rows so far, and how many rows it may
/// return.
///
/// # Errors
///
/// Returns the first error of `read`.
pub async fn read_pages<T, C, E>(
    limit: u32,
    mut read: impl AsyncFnMut(Option<C>, u32) -> Result<(Vec<T>, Option<C>), E>,
) -> Result<Listed<T>, E> {
    let (mut rows, mut after) = (Vec::new(), None);
    let has_more = loop {
        let read_so_far = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let left = limit.saturating_sub(read_so_far);
        if left == 0 {
            break after.is_some();
        }
        let (page, next) = read(after, left.min(PAGE)).await?;
        rows.extend(page);
        after = next;
        if after.is_none() {
            break false;
        }
    };
    Ok(Listed { rows, has_more })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// A list of the numbers up to `all`, whose pages are at most 150 long, as if the size of their rows had ended them.
    async fn read(all: u32, limit: u32) -> (Vec<u32>, bool) {
        let listed = read_pages(limit, async |after: Option<u32>, rows| {
            let first = after.unwrap_or(0);
            let last = all.min(first + rows.min(150));
            let next = (last < all).then_some(last);
            Ok::<_, Infallible>(((first..last).collect(), next))
        });
        let Ok(listed) = listed.await;
        (listed.rows, listed.has_more)
    }

    #[tokio::test]
    async fn pages_follow_each_other_up_to_the_limit() {
        for (all, limit, shown, has_more) in [
            (0, 50, 0, false),
            (50, 50, 50, false),
            (51, 50, 50, true),
            (1000, 1000, 1000, false),
            (1001, 1000, 1000, true),
            (1000, u32::MAX, 1000, false),
        ] {
            let expected = ((0..shown).collect::<Vec<_>>(), has_more);
            assert_eq!(read(all, limit).await, expected, "{limit} of {all}");
        }
    }
}
