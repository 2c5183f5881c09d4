//! Quiet hours: the hours of the week in which a user does not want to be disturbed.
//!
//! They are local times. Whether it is quiet is a question from an instant to the time that a clock shows, which has one
//! answer also where a clock jumps: local times that it skips do not happen, and local times that it shows twice are quiet
//! twice.

mod channels;
mod week;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use self::week::{Span, contains, minutes_until_inside, minutes_until_outside};
use self::window::{read_windows, start_of};
use super::Timezone;
use crate::content::FieldProblem;
use crate::notification::UserId;

pub use channels::{InvalidQuietChannel, QuietChannels};
pub use window::QuietWindow;

/// The maximum number of changes of a zone's offset that a search passes: more than a year has. So a search always ends.
const MAX_CHANGES: usize = 32;

/// The quiet hours of a week. They never last all week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuietHours {
    windows: Vec<QuietWindow>,
    spans: Vec<Span>,
}

/// The windows cover the whole week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must leave some time of the week that is not quiet")]
pub struct QuietHoursNeverEnd;

impl QuietHoursNeverEnd {
    /// The code of the error.
    pub const CODE: &str = "quiet_hours_never_end";
}

impl QuietHours {
    /// The maximum number of windows.
    pub const MAX_WINDOWS: usize = 14;

    /// Reads the JSON value of `field`: a list of windows, such as `[{"days": [1], "from": "22:00", "to": "07:00"}]`.
    /// Returns the windows for [`QuietHours::new`].
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the value, by field, such as `quiet[0].from`.
    pub fn read_windows(
        value: &RawValue,
        field: &str,
    ) -> Result<Vec<QuietWindow>, Vec<FieldProblem>> {
        read_windows(value, field, Self::MAX_WINDOWS)
    }

    /// The quiet hours that consist of these windows. Windows may overlap.
    ///
    /// # Errors
    ///
    /// Returns an error if the windows cover the whole week.
    pub fn new(windows: Vec<QuietWindow>) -> Result<Self, QuietHoursNeverEnd> {
        let spans: Vec<Span> = windows.iter().flat_map(QuietWindow::spans).collect();
        match minutes_until_outside(&spans, 0) {
            None => Err(QuietHoursNeverEnd),
            Some(_) => Ok(Self { windows, spans }),
        }
    }

    /// Reads quiet hours from the JSON text that they are stored as. Returns `None` if they are not valid.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let value = serde_json::from_str(text).ok()?;
        Self::new(Self::read_windows(value, "").ok()?).ok()
    }

    /// Whether the list is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Whether it is quiet.
    #[must_use]
    pub fn is_quiet(&self, timezone: &Timezone, at: Timestamp) -> bool {
        contains(&self.spans, minute_of_week(timezone.local_time(at)))
    }

    /// The earliest instant after `now` at which it is not quiet. Returns `None` if it is not quiet now.
    #[must_use]
    pub fn end(&self, timezone: &Timezone, now: Timestamp) -> Option<Timestamp> {
        let end = next(timezone, now, |minute| {
            minutes_until_outside(&self.spans, minute)
        });
        end.filter(|end| *end > now)
    }

    /// The instant at which what waits for the end of quiet hours is sent to `user`; `None` if it is not quiet now. Users
    /// whose quiet hours end at the same time differ by up to `spread`, and a user always gets the same place. If less than
    /// twice as much time is left until it is quiet again, half of that time counts.
    #[must_use]
    pub fn release(
        &self,
        timezone: &Timezone,
        now: Timestamp,
        user: UserId,
        spread: Duration,
    ) -> Option<Timestamp> {
        let end = self.end(timezone, now)?;
        let begin = next(timezone, end, |minute| {
            minutes_until_inside(&self.spans, minute)
        });
        let left = begin.map(|begin| end.duration_until(begin).unsigned_abs() / 2);
        let spread = left.map_or(spread, |left| spread.min(left)).as_secs();
        let delay = place(user).checked_rem(spread).unwrap_or(0);
        let delay = SignedDuration::from_secs(i64::try_from(delay).unwrap_or(0));
        Some(end.saturating_add(delay).unwrap_or(end))
    }
}

/// As JSON: the list of windows.
impl Serialize for QuietHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.windows.serialize(serializer)
    }
}

/// The minute of the week that a clock shows.
fn minute_of_week(local: DateTime) -> u16 {
    let of_day = i16::from(local.hour()) * 60 + i16::from(local.minute());
    start_of(local.weekday()) + of_day.unsigned_abs()
}

/// The earliest instant at or after `from` at which `minutes_until` of the minute of the week is 0. Returns `None` if
/// `minutes_until` does.
fn next(
    timezone: &Timezone,
    from: Timestamp,
    minutes_until: impl Fn(u16) -> Option<u16>,
) -> Option<Timestamp> {
    let mut instant = from;
    // Until the offset changes, the clock runs like time.
    for _ in 0..MAX_CHANGES {
        let local = timezone.local_time(instant);
        let minutes = minutes_until(minute_of_week(local))?;
        if minutes == 0 {
            return Some(instant);
        }
        let begun = SignedDuration::new(local.second().into(), local.subsec_nanosecond());
        let wait = SignedDuration::from_mins(minutes.into()) - begun;
        let found = instant.checked_add(wait).ok()?;
        match timezone.next_change(instant) {
            Some(change) if change <= found => instant = change,
            _ => return Some(found),
        }
    }
    Some(instant)
}

/// A number that spreads users evenly, whatever their ids are.
fn place(user: UserId) -> u64 {
    let hash = Sha256::digest(user.as_uuid().as_bytes());
    hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
}
