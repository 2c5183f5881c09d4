//! Recurring schedules: cron patterns in a time zone.
//!
//! `croner` parses patterns and finds matching local times. This module maps local times to instants itself, because at
//! clock changes `croner` follows other rules: it skips or repeats fixed times if a pattern has more than one of them a
//! day (`0 2,14 * * *`), and it fails if the clock jumps over more than two hours.

mod catch_up;
mod fields;
mod local_times;
mod pattern;
mod schedule;

pub use catch_up::CatchUp;
pub use pattern::{CronPattern, InvalidCronPattern};
pub use schedule::{CronSchedule, InvalidCronSchedule};

#[cfg(test)]
mod tests;
