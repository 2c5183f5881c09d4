//! Cron patterns.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, datetime};

use super::fields::FIELDS;

/// A five-field cron pattern that occurs at least once: minute, hour, day of month, month and day of week.
///
/// A field is `*` or a list of values, ranges (`9-17`) and steps (`*/15`, `9-17/2`). Months and days of the week have
/// names (`MAR`, `FRI`). The day of month may be `L` (the last), `LW` (the last weekday) or `15W` (the weekday nearest to
/// the 15th); the day of week may be `5L` (the last Friday) or `5#2` (the second). If neither day field is `*`, a day
/// matches if it matches one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronPattern {
    text: String,
    cron: Cron,
    repeats_local_times: bool,
}

/// The text is not a cron pattern. The message continues "it …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCronPattern {
    /// The text is too long.
    #[error("must have at most {} bytes", CronPattern::MAX_BYTES)]
    TooLong,
    /// The text does not have five fields.
    #[error(
        "must have five fields: minute, hour, day of month, month and day of week; seconds, years and names such as \
         @daily are not supported"
    )]
    NotFiveFields,
    /// A part of a field is wrong.
    #[error("is wrong in the field {field}: {part:?} is not a value, range or step of this field")]
    WrongField {
        /// The name of the field.
        field: &'static str,
        /// The part of the field's list.
        part: String,
    },
    /// The pattern matches no date, such as 31 February.
    #[error("never occurs")]
    Never,
}

impl InvalidCronPattern {
    /// The code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Never => "cron_never",
            _ => "invalid_cron",
        }
    }
}

impl CronPattern {
    /// The longest pattern, in bytes. A pattern that lists all minutes and all hours has 237.
    pub const MAX_BYTES: usize = 256;

    /// The pattern, with one space between the fields.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a local time that occurs twice, because the clock goes back, matches twice.
    ///
    /// True for intervals, which keep their distance in real time (`*/15 * * * *`, `0 * * * *`): patterns whose minute
    /// field contains `*` or `/`, and patterns that match every hour. Other patterns name times of the day
    /// (`30 2 * * *`, `0 */6 * * *`) and match each of them once a day.
    pub(super) const fn repeats_local_times(&self) -> bool {
        self.repeats_local_times
    }

    /// The first matching local time at or after `from`, or after it if `inclusive` is false. Returns `None` if there is
    /// none before the year 5000.
    pub(super) fn next_local(&self, from: DateTime, inclusive: bool) -> Option<DateTime> {
        self.cron.find_next_occurrence(&from, inclusive).ok()
    }
}

impl FromStr for CronPattern {
    type Err = InvalidCronPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// Four centuries before the end of the search. The calendar repeats after four centuries.
        const CYCLE: DateTime = datetime(4599, 12, 31, 0, 0, 0, 0);

        if text.len() > Self::MAX_BYTES {
            return Err(InvalidCronPattern::TooLong);
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let Ok(five) = <[&str; FIELDS.len()]>::try_from(fields) else {
            return Err(InvalidCronPattern::NotFiveFields);
        };
        for (field, text) in FIELDS.iter().zip(five) {
            let capitals = text.to_ascii_uppercase();
            if let Some(part) = field.wrong_part(&capitals) {
                return Err(InvalidCronPattern::WrongField {
                    field: field.name,
                    part: part.to_owned(),
                });
            }
        }
        let text = five.join(" ");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(&text)
            .map_err(|_| InvalidCronPattern::NotFiveFields)?;
        let is_every_hour = cron.pattern.hours.values().len() == 24;
        let pattern = Self {
            text,
            cron,
            repeats_local_times: is_every_hour || five[0].contains(['*', '/']),
        };
        if pattern.next_local(CYCLE, false).is_none() {
            return Err(InvalidCronPattern::Never);
        }
        Ok(pattern)
    }
}

impl fmt::Display for CronPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
