//! The instants at which a pattern occurs in a time zone.

use jiff::{SignedDuration, Timestamp};

use super::CronPattern;
use crate::time::Timezone;
use crate::time::timezone::LocalInstants;

/// The first instant after `after` at which `pattern` occurs. Returns `None` if there is none before the year 5000.
///
/// A pattern that names times of the day occurs once for each of its local times: at the first instant after the jump if
/// the clock jumps over the time, and at the first of two. An interval (see [`CronPattern::repeats_local_times`]) occurs
/// whenever the clock shows one of its local times.
pub(super) fn next_instant(
    pattern: &CronPattern,
    zone: &Timezone,
    after: Timestamp,
) -> Option<Timestamp> {
    if pattern.repeats_local_times() {
        next_of_interval(pattern, zone, after)
    } else {
        next_time_of_day(pattern, zone, after)
    }
}

fn next_time_of_day(pattern: &CronPattern, zone: &Timezone, after: Timestamp) -> Option<Timestamp> {
    let mut local = zone.local_time(after);
    loop {
        local = pattern.next_local(local, false)?;
        let instant = zone.instant(local)?;
        // While the clock repeats local times, their first occurrences are in the past.
        if instant > after {
            return Some(instant);
        }
    }
}

fn next_of_interval(pattern: &CronPattern, zone: &Timezone, after: Timestamp) -> Option<Timestamp> {
    let next = pattern.next_local(zone.local_time(after), false)?;
    let local = match zone.repetition_after(after) {
        // The clock goes back before it shows `next`.
        Some(back) if zone.instant(next)? >= back => {
            pattern.next_local(zone.local_time(back), true)?
        }
        _ => next,
    };
    Some(match zone.instants(local)? {
        LocalInstants::One(instant) => instant,
        LocalInstants::Two { first, second } => {
            if first > after {
                first
            } else {
                second
            }
        }
        LocalInstants::Skipped { resumes } => after_jump(pattern, zone, resumes)?,
    })
}

/// The next occurrence of an interval whose local time is skipped by a jump of the clock: if the interval goes on within
/// an hour, there, so that it keeps its distance, and otherwise at once, so that no day is left out (`*/15 2 * * *`).
fn after_jump(pattern: &CronPattern, zone: &Timezone, resumes: Timestamp) -> Option<Timestamp> {
    let shown = zone.local_time(resumes);
    let goes_on = pattern.next_local(shown, true)?;
    if shown.duration_until(goes_on) < SignedDuration::from_hours(1) {
        zone.instant(goes_on)
    } else {
        Some(resumes)
    }
}
