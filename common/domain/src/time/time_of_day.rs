use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::{Serialize, Serializer};

/// A time that a clock shows, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    minutes: u16,
}

/// The text is not a time of day. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day from 00:00 to 23:59, such as 07:00")]
pub struct InvalidTimeOfDay;

impl TimeOfDay {
    /// The time `hour` o'clock; of a larger number, the last hour of the day.
    #[must_use]
    pub const fn hour(hour: u16) -> Self {
        let hour = if hour > 23 { 23 } else { hour };
        Self { minutes: hour * 60 }
    }

    /// The minutes since midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [a, b, b':', c, d] = text.as_bytes() else {
            return Err(InvalidTimeOfDay);
        };
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
        let number = |tens, ones| Some(digit(tens)? * 10 + digit(ones)?);
        match (number(a, b), number(c, d)) {
            (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(Self {
                minutes: hour * 60 + minute,
            }),
            _ => Err(InvalidTimeOfDay),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// As text, such as `07:00`.
impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Cuts off the seconds.
impl From<Time> for TimeOfDay {
    fn from(time: Time) -> Self {
        let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
        Self {
            minutes: minutes.unsigned_abs(),
        }
    }
}

impl From<TimeOfDay> for Time {
    fn from(time: TimeOfDay) -> Self {
        let part = |number: u16| i8::try_from(number).unwrap_or_default();
        Self::constant(part(time.minutes / 60), part(time.minutes % 60), 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_one_form() {
        for text in ["00:00", "07:05", "23:59"] {
            let time: TimeOfDay = text.parse().expect(text);
            assert_eq!(time.to_string(), text);
            assert_eq!(TimeOfDay::from(Time::from(time)), time);
        }
        for wrong in [
            "", "7:00", "24:00", "12:60", "07:00:00", "+7:00", "07.00", "0٧:00", "07:0a",
        ] {
            assert_eq!(wrong.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{wrong}");
        }
        assert_eq!(TimeOfDay::hour(9).to_string(), "09:00");
    }
}
