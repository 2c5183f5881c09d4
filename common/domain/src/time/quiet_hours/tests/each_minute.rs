//! Compares the end of quiet hours with a look at each minute, in all zones.

use std::sync::LazyLock;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::super::week::WEEK;
use super::super::*;
use super::{at, user, zone};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The changes of all zones from 2020 to 2037.
static CHANGES: LazyLock<Vec<(String, Timestamp)>> = LazyLock::new(|| {
    let (first, last) = (at("2020-01-01T00:00:00Z"), at("2038-01-01T00:00:00Z"));
    let mut changes = Vec::new();
    for name in Timezone::names() {
        let zone = zone(&name);
        let mut next = zone.next_change(first);
        while let Some(change) = next.filter(|change| *change < last) {
            changes.push((name.clone(), change));
            next = zone.next_change(change);
        }
    }
    changes
});

/// The quiet minutes of a week, one after the other from the start of each window.
fn quiet_minutes(windows: &[(Vec<u16>, u16, u16)]) -> Vec<bool> {
    let mut quiet = vec![false; usize::from(WEEK)];
    for (days, from, to) in windows {
        for day in days {
            let mut minute = (day - 1) * 1440 + from;
            while minute % 1440 != *to || minute == (day - 1) * 1440 + from {
                quiet[usize::from(minute % WEEK)] = true;
                minute += 1;
            }
        }
    }
    quiet
}

fn json_of(windows: &[(Vec<u16>, u16, u16)]) -> String {
    let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let windows = windows.iter().map(|(days, from, to)| {
        format!(
            r#"{{"days": {days:?}, "from": "{}", "to": "{}"}}"#,
            text(*from),
            text(*to)
        )
    });
    format!("[{}]", windows.collect::<Vec<_>>().join(","))
}

fn windows() -> impl Strategy<Value = Vec<(Vec<u16>, u16, u16)>> {
    let days = prop::collection::btree_set(1u16..=7, 1..=7);
    let days = days.prop_map(|days| days.into_iter().collect());
    let window = (days, 0u16..1440, 0u16..1440);
    let window = window.prop_filter("from and to differ", |(_, from, to)| from != to);
    prop::collection::vec(window, 1..=4)
}

/// Compares what is said at `second` of a minute with a look at each minute.
fn is_what_a_look_at_each_minute_finds(
    name: &str,
    minute: Timestamp,
    second: i64,
    windows: &[(Vec<u16>, u16, u16)],
) -> Result<(), TestCaseError> {
    let zone = zone(name);
    let quiet_minutes = quiet_minutes(windows);
    let json = json_of(windows);
    let Some(quiet) = QuietHours::from_json(&json) else {
        prop_assert!(quiet_minutes.iter().all(|quiet| *quiet), "{}", json);
        return Ok(());
    };
    prop_assert!(!quiet_minutes.iter().all(|quiet| *quiet), "{}", json);
    let is_quiet = |instant: Timestamp| {
        let local = zone.local_time(instant);
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).expect("a day");
        let minutes = i64::from(local.hour()) * 60 + i64::from(local.minute());
        quiet_minutes[day * 1440 + usize::try_from(minutes).expect("a minute")]
    };
    let now = minute + SignedDuration::from_secs(second);
    prop_assert_eq!(quiet.is_quiet(&zone, now), is_quiet(now));
    if !is_quiet(now) {
        prop_assert_eq!(quiet.end(&zone, now), None);
        return Ok(());
    }
    let mut expected = minute + MINUTE;
    while is_quiet(expected) {
        expected += MINUTE;
    }
    prop_assert_eq!(
        quiet.end(&zone, now),
        Some(expected),
        "{} {} {}",
        name,
        now,
        json
    );
    // The release is not quiet, and no quiet time is between it and the end.
    let spread = Duration::from_mins(5);
    let release = quiet.release(&zone, now, user(7), spread).expect("quiet");
    prop_assert!(release >= expected && expected.duration_until(release) < MINUTE * 5);
    let mut instant = expected;
    while instant <= release {
        prop_assert!(!is_quiet(instant), "{}", instant);
        instant += MINUTE;
    }
    prop_assert!(!is_quiet(release));
    Ok(())
}

proptest! {
    /// Over all zones and their changes from 2020 to 2037: what a look at each minute finds.
    #[test]
    fn the_end_is_what_a_look_at_each_minute_finds(
        index: prop::sample::Index,
        windows in windows(),
        before in -1500i64..3000,
        second in 0i64..60,
    ) {
        let (name, change) = index.get(&CHANGES);
        let now = *change - MINUTE * i32::try_from(before).expect("in range");
        is_what_a_look_at_each_minute_finds(name, now, second, &windows)?;
    }
}

/// The property above picks changes at random. Here is each of them once, shortly before or after a window that surrounds it.
#[test]
fn every_change_of_every_zone_is_seen() {
    for (nth, (name, change)) in CHANGES.iter().enumerate() {
        let pick =
            |factor: usize, below: usize| u16::try_from(nth * factor % below).expect("small");
        let local = zone(name).local_time(*change);
        let local = u16::try_from(local.hour()).expect("an hour") * 60
            + u16::try_from(local.minute()).expect("a minute");
        let (before, after) = (1 + pick(7, 90), 1 + pick(11, 90));
        let from = (local + 1440 - before) % 1440;
        let windows = [((1..=7).collect(), from, (local + after) % 1440)];
        let at = *change - MINUTE * i32::from(pick(13, 120));
        let seconds = i64::from(pick(1, 60));
        let found = is_what_a_look_at_each_minute_finds(name, at, seconds, &windows);
        found.unwrap_or_else(|error| panic!("{name} {change}: {error}"));
    }
}
