//! Schedules at clock changes, compared with tables and with a search that looks at every minute.

mod clock_changes;
mod every_minute;
mod outages;
mod rare;
mod syntax;

use jiff::Timestamp;

use super::{CronPattern, CronSchedule};

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn pattern(text: &str) -> CronPattern {
    text.parse().expect(text)
}

/// A schedule without start and end.
fn schedule(text: &str, zone: &str) -> CronSchedule {
    let zone = zone.parse().expect(zone);
    CronSchedule::new(pattern(text), zone, None, None).expect("no period")
}
