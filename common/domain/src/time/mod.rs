//! When notifications are sent and when they expire: instants, time zones, delivery windows, quiet hours and recurring
//! schedules.
//!
//! Instants have microseconds, the precision of PostgreSQL's `timestamptz`, so that a value that is read back equals the
//! value that was written. Local times follow two rules everywhere: if the clock jumps over a local time, the first
//! instant after the jump stands for it; if a local time occurs twice, the first occurrence counts.

mod cron;
mod delivery_window;
mod expiry;
mod instant;
mod quiet_hours;
mod send_at;
mod time_of_day;
mod timezone;

pub use cron::{CatchUp, CronPattern, CronSchedule, InvalidCronPattern, InvalidCronSchedule};
pub use delivery_window::{DeliveryWindow, InvalidDeliveryWindow};
pub use expiry::{Expiry, MAX_TTL_SECS};
pub use instant::{InvalidInstant, parse_instant};
pub use quiet_hours::{
    InvalidQuietChannel, QuietChannels, QuietHours, QuietHoursNeverEnd, QuietWindow,
};
pub use send_at::{SendAt, SendAtTooFar};
pub use time_of_day::{InvalidTimeOfDay, TimeOfDay};
pub use timezone::{InvalidTimezone, Timezone, TimezoneRef};
