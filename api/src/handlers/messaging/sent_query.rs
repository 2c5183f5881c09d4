use crate::error::{ApiError, ErrorDetail};
use crate::query::{self, PageRequest};

/// The largest offset.
pub const MAX_OFFSET: u32 = 10_000;

/// The page that a client of the older service asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentQuery {
    pub limit: u32,
    pub offset: u32,
}

impl SentQuery {
    /// Parses a query string.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut page = PageRequest::<String>::first();
        let mut offset = 0;
        query::read(text, |name, value, problems| match name {
            "offset" => {
                match value.parse() {
                    Ok(number) if number <= MAX_OFFSET => offset = number,
                    _ => {
                        let message = format!(
                            "must be a whole number from 0 to {MAX_OFFSET}; GET /api/notifications?order=sent has no such limit"
                        );
                        problems.push(ErrorDetail::new(name, message));
                    }
                }
                true
            }
            "limit" => page.read_parameter(name, value, problems),
            _ => false,
        })?;
        Ok(Self {
            limit: page.limit,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_and_offset_are_numbers_in_their_ranges() {
        let parse = |text| SentQuery::parse(text).ok().map(|q| (q.limit, q.offset));
        assert_eq!(parse(""), Some((50, 0)));
        assert_eq!(parse("limit=10&offset=10000"), Some((10, 10_000)));
        for text in [
            "offset=10001",
            "offset=-1",
            "limit=0",
            "limit=201",
            "cursor=x",
            "offset=",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
