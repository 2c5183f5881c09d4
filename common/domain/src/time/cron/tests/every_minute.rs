use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::{at, schedule};
use crate::time::Timezone;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Zones, and the times of their clock changes.
const CHANGES: [(&str, &str); 14] = [
    ("Europe/Berlin", "2027-03-28T01:00:00Z"),
    ("Europe/Berlin", "2027-10-31T01:00:00Z"),
    ("America/New_York", "2027-03-14T07:00:00Z"),
    ("America/New_York", "2027-11-07T06:00:00Z"),
    ("Australia/Sydney", "2027-10-02T16:00:00Z"),
    ("Australia/Sydney", "2027-04-03T16:00:00Z"),
    ("Australia/Lord_Howe", "2027-10-02T15:30:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T15:00:00Z"),
    ("America/Scoresbysund", "2027-03-28T01:00:00Z"),
    ("America/Scoresbysund", "2027-10-31T01:00:00Z"),
    ("America/Havana", "2027-03-14T05:00:00Z"),
    ("America/Havana", "2027-11-07T05:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Kathmandu", "2027-03-28T01:00:00Z"),
];

/// A field of minutes or hours: its text, and its values.
fn field(size: u8) -> impl Strategy<Value = (String, BTreeSet<u8>)> {
    let range = (0..size, 0..size).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        Just(("*".to_owned(), (0..size).collect())),
        (0..size).prop_map(|value| (value.to_string(), BTreeSet::from([value]))),
        (1..size).prop_map(move |step| {
            (
                format!("*/{step}"),
                (0..size).step_by(step.into()).collect(),
            )
        }),
        (range, 1..size).prop_map(|((from, to), step)| {
            let values = (from..=to).step_by(step.into()).collect();
            (format!("{from}-{to}/{step}"), values)
        }),
        prop::collection::btree_set(0..size, 1..5).prop_map(|values| {
            let texts: Vec<_> = values.iter().map(u8::to_string).collect();
            (texts.join(","), values)
        }),
    ]
}

struct Expected<'a> {
    zone: &'a Timezone,
    minutes: &'a BTreeSet<u8>,
    hours: &'a BTreeSet<u8>,
    is_interval: bool,
}

impl Expected<'_> {
    fn matches(&self, local: DateTime) -> bool {
        let has = |values: &BTreeSet<u8>, value: i8| values.contains(&value.unsigned_abs());
        has(self.hours, local.hour()) && has(self.minutes, local.minute())
    }

    fn any(&self, from: DateTime, until: DateTime) -> bool {
        let minutes = std::iter::successors(Some(from), |local| Some(*local + MINUTE));
        minutes
            .take_while(|local| *local < until)
            .any(|local| self.matches(local))
    }

    /// The occurrences from `from` until `until`, by the rules, minute by minute. The clock does not change in the first
    /// two hours.
    fn occurrences(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut highest = self.zone.local_time(from - MINUTE);
        let mut previous = highest;
        let mut instant = from;
        while instant < until {
            let local = self.zone.local_time(instant);
            let is_repetition = local <= highest;
            let matches = self.matches(local) && (self.is_interval || !is_repetition);
            let (skipped, hour) = (previous + MINUTE, local + SignedDuration::from_hours(1));
            let catches_up = skipped < local
                && self.any(skipped, local)
                && !(self.is_interval && self.any(local, hour));
            if matches || catches_up {
                found.push(instant);
            }
            (previous, highest) = (local, highest.max(local));
            instant += MINUTE;
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_what_a_look_at_every_minute_finds(
        (zone, change) in select(&CHANGES[..]),
        (minute_text, minutes) in field(60),
        (hour_text, hours) in field(24),
    ) {
        let text = format!("{minute_text} {hour_text} * * *");
        let schedule = schedule(&text, zone);
        let (from, until) = (
            at(change) - SignedDuration::from_hours(5),
            at(change) + SignedDuration::from_hours(27),
        );
        let expected = Expected {
            zone: schedule.timezone(),
            minutes: &minutes,
            hours: &hours,
            is_interval: hours.len() == 24 || minute_text.contains(['*', '/']),
        };
        let expected = expected.occurrences(from, until);
        let mut found = Vec::new();
        let mut last = from - SignedDuration::from_nanos(1);
        while let Some(next) = schedule.next_after(last).filter(|next| *next < until) {
            prop_assert!(next > last, "{text}: {next} is not after {last}");
            found.push(next);
            last = next;
        }
        prop_assert_eq!(&found, &expected, "{} in {}", text, zone);
        let apart = found.windows(2).all(|two| two[0].duration_until(two[1]) >= MINUTE);
        prop_assert!(apart, "{text}: {found:?}");

        // The search gives the same answer from every instant.
        let mut start = from;
        while start < until {
            let next = found.iter().find(|instant| **instant > start);
            let searched = schedule.next_after(start).filter(|next| *next < until);
            prop_assert_eq!(searched.as_ref(), next, "{} in {} after {}", text, zone, start);
            start += SignedDuration::from_secs(29 * 60 + 11);
        }
    }
}
