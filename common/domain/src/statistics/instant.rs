use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::time::parse_instant;

/// One end of a period: a time, or an offset from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsInstant {
    /// This time.
    At(Timestamp),
    /// So long ago.
    Ago(SignedDuration),
}

/// The text is neither a time nor an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time with offset (RFC 3339), such as 2027-03-28T09:00:00Z, or relative to now, such as -90m, -1h, -7d or now"
)]
pub struct InvalidStatsInstant;

impl StatsInstant {
    /// Now.
    pub const NOW: Self = Self::Ago(SignedDuration::ZERO);

    /// The time, if it is `now` now. A time that [`Timestamp`] cannot represent becomes the nearest one that it can.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(duration) => now.saturating_sub(duration).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for StatsInstant {
    type Err = InvalidStatsInstant;

    /// Parses RFC 3339, `now`, or a number of seconds, minutes, hours, days or weeks ago: `-30s`, `-90m`, `-1h`, `-7d`,
    /// `-2w`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" {
            return Ok(Self::NOW);
        }
        let Some(offset) = text.strip_prefix('-') else {
            return parse_instant(text)
                .map(Self::At)
                .map_err(|_| InvalidStatsInstant);
        };
        let unit = offset.chars().last().ok_or(InvalidStatsInstant)?;
        let number = &offset[..offset.len() - unit.len_utf8()];
        let is_number =
            (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let number: i64 = match number.parse() {
            Ok(number) if is_number => number,
            _ => return Err(InvalidStatsInstant),
        };
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(InvalidStatsInstant),
        };
        Ok(Self::Ago(SignedDuration::from_secs(number * seconds)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_absolute_or_relative_to_now() {
        let now: Timestamp = "2026-11-28T12:34:56Z".parse().expect("a time");
        for (text, expected) in [
            ("now", "2026-11-28T12:34:56Z"),
            ("-0s", "2026-11-28T12:34:56Z"),
            ("-30s", "2026-11-28T12:34:26Z"),
            ("-90m", "2026-11-28T11:04:56Z"),
            ("-1h", "2026-11-28T11:34:56Z"),
            ("-7d", "2026-11-21T12:34:56Z"),
            ("-2w", "2026-11-14T12:34:56Z"),
            ("2026-11-28T13:00:00+01:00", "2026-11-28T12:00:00Z"),
        ] {
            let parsed: StatsInstant = text.parse().expect(text);
            assert_eq!(parsed.resolve(now).to_string(), expected, "{text}");
        }
        let earliest: StatsInstant = "-999999999w".parse().expect("valid");
        assert_eq!(earliest.resolve(now), Timestamp::MIN);
        for text in [
            "",
            "-",
            "-h",
            "-1",
            "1h",
            "+1h",
            "-1y",
            "-1 h",
            "--1h",
            "-1.5h",
            "-1234567890s",
            "-+1h",
            "-１h",
            "-1ä",
            "today",
            "2026-11-28",
        ] {
            assert_eq!(
                text.parse::<StatsInstant>(),
                Err(InvalidStatsInstant),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_never_a_panic(text: String, rest: String) {
            for text in [text, format!("-{rest}")] {
                if let Ok(instant) = text.parse::<StatsInstant>() {
                    let _ = instant.resolve(Timestamp::UNIX_EPOCH);
                }
            }
        }
    }
}
