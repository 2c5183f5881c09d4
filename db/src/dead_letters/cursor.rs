use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::page::InvalidCursor;

/// The position after a dead letter. Clients must treat its text form as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterCursor {
    pub(super) failed_at: Timestamp,
    pub(super) id: Uuid,
}

impl fmt::Display for DeadLetterCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            self.failed_at.as_microsecond(),
            self.id.simple()
        )
    }
}

impl FromStr for DeadLetterCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (time, id) = text.split_once('-')?;
            let digits_only = time.bytes().all(|byte| byte.is_ascii_digit());
            let time = time.parse().ok().filter(|_| digits_only)?;
            Some(Self {
                failed_at: Timestamp::from_microsecond(time).ok()?,
                id: Uuid::try_parse(id).ok().filter(|_| id.len() == 32)?,
            })
        };
        parse().ok_or(InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        let cursor = DeadLetterCursor {
            failed_at: Timestamp::from_microsecond(1_795_000_000_123_456).expect("a time"),
            id: Uuid::now_v7(),
        };
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        for wrong in [
            "",
            "1",
            "-",
            "x-",
            "+1-00000000000000000000000000000000",
            &text[1..40],
        ] {
            assert_eq!(
                wrong.parse::<DeadLetterCursor>(),
                Err(InvalidCursor),
                "{wrong}"
            );
        }
        let far = format!("{}-{}", i64::MAX, cursor.id.simple());
        assert_eq!(far.parse::<DeadLetterCursor>(), Err(InvalidCursor));
    }
}
