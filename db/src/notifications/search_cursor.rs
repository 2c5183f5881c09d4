use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::page::InvalidCursor;

/// The position after a notification, in the order of a search. Clients must treat its text form as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchCursor {
    /// In the order of acceptance, which is that of the ids.
    Accepted(Uuid),
    /// In the order of the ends.
    Ended(Timestamp, Uuid),
}

impl SearchCursor {
    /// Whether it is a position in the order of the ends.
    #[must_use]
    pub const fn is_by_end(self) -> bool {
        matches!(self, Self::Ended(..))
    }
}

impl fmt::Display for SearchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(id) => fmt::Display::fmt(&id.simple(), f),
            Self::Ended(at, id) => write!(f, "end~{}~{}", at.as_microsecond(), id.simple()),
        }
    }
}

impl FromStr for SearchCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uuid = |text| Uuid::try_parse(text).map_err(|_| InvalidCursor);
        let Some(rest) = text.strip_prefix("end~") else {
            return uuid(text).map(Self::Accepted);
        };
        let (micros, id) = rest.split_once('~').ok_or(InvalidCursor)?;
        let micros = micros.parse().map_err(|_| InvalidCursor)?;
        let at = Timestamp::from_microsecond(micros).map_err(|_| InvalidCursor)?;
        Ok(Self::Ended(at, uuid(id)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form() {
        let at = "2026-11-27T22:00:00.123456Z".parse().expect("a time");
        let id = Uuid::now_v7();
        for cursor in [SearchCursor::Accepted(id), SearchCursor::Ended(at, id)] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            "x",
            "end~",
            "end~1",
            "end~x~9fc81fddfc9c49e39df1a36df7e1ec5a",
            "1~9fc81fddfc9c49e39df1a36df7e1ec5a",
        ] {
            assert_eq!(text.parse::<SearchCursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
