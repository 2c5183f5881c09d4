//! Time zones of the IANA database.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

/// The database inside the program. Files of the host are not read: two processes of one version never disagree, and a
/// container image needs no `tzdata`.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the IANA database, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timezone(TimeZone);

/// The text is not a time zone. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimezone {
    /// The database has no such name.
    #[error("must be a time zone of the IANA database, such as Europe/Berlin or UTC")]
    Unknown,
    /// `user` is reserved for the time zone of the notification's user.
    #[error("must be the name of a time zone; \"user\" is not supported")]
    User,
}

/// How a request names a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimezoneRef {
    /// By its name in the IANA database.
    Named(Timezone),
}

impl FromStr for TimezoneRef {
    type Err = InvalidTimezone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "user" => Err(InvalidTimezone::User),
            name => name.parse().map(Self::Named),
        }
    }
}

impl FromStr for Timezone {
    type Err = InvalidTimezone;

    /// Parses a name of the database, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let zone = DATABASE.get(text).map_err(|_| InvalidTimezone::Unknown)?;
        if zone.is_unknown() {
            return Err(InvalidTimezone::Unknown);
        }
        Ok(Self(zone))
    }
}

/// UTC.
impl Default for Timezone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Display for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The instants at which a clock shows a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LocalInstants {
    /// The usual case.
    One(Timestamp),
    /// The clock jumps over the local time. `resumes` is the first instant after the jump.
    Skipped { resumes: Timestamp },
    /// The clock goes back and shows the local time twice.
    Two { first: Timestamp, second: Timestamp },
}

impl LocalInstants {
    /// The instant that stands for a local time that is to occur exactly once.
    pub(super) const fn first(self) -> Timestamp {
        match self {
            Self::One(instant) => instant,
            Self::Skipped { resumes } => resumes,
            Self::Two { first, .. } => first,
        }
    }
}

impl Timezone {
    /// The name in the database, with its capitals.
    #[must_use]
    pub fn name(&self) -> &str {
        // Zones from the database have a name.
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What a clock shows at `instant`.
    #[must_use]
    pub fn local_time(&self, instant: Timestamp) -> DateTime {
        self.0.to_datetime(instant)
    }

    /// The instant of a local time: the first instant after the jump if the clock jumps over it, and the first of two.
    ///
    /// Returns `None` if [`Timestamp`] cannot represent the instant, which is so at the end of the year 9999.
    #[must_use]
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        self.instants(local).map(LocalInstants::first)
    }

    /// The instants at which a clock shows `local`. Returns `None` if [`Timestamp`] cannot represent them.
    pub(super) fn instants(&self, local: DateTime) -> Option<LocalInstants> {
        let at = |offset: Offset| offset.to_timestamp(local).ok();
        Some(match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => LocalInstants::One(at(offset)?),
            AmbiguousOffset::Fold { before, after } => LocalInstants::Two {
                first: at(before)?,
                second: at(after)?,
            },
            // With the later offset, the skipped time would be an instant before the jump.
            AmbiguousOffset::Gap { after, .. } => LocalInstants::Skipped {
                resumes: self.next_change_to(after, at(after)?)?,
            },
        })
    }

    /// The instant at which the clock next goes back, if `instant` is before that and the clock then shows the local
    /// time of `instant` again.
    pub(super) fn repetition_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let local = self.local_time(instant);
        match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Fold { before, after } if self.0.to_offset(instant) == before => {
                self.next_change_to(after, instant)
            }
            _ => None,
        }
    }

    /// The names of all zones.
    #[cfg(test)]
    pub(crate) fn names() -> Vec<String> {
        let names = DATABASE.available().map(|name| name.as_str().to_owned());
        names.filter(|name| name.parse::<Self>().is_ok()).collect()
    }

    /// The next instant after `instant` at which the zone may change its offset.
    pub(super) fn next_change(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut changes = self.0.following(instant);
        changes.next().map(|change| change.timestamp())
    }

    /// The next instant after `instant` at which the zone changes its offset to `offset`.
    fn next_change_to(&self, offset: Offset, instant: Timestamp) -> Option<Timestamp> {
        let mut changes = self.0.following(instant);
        let change = changes.find(|change| change.offset() == offset)?;
        Some(change.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn zone(name: &str) -> Timezone {
        name.parse().expect(name)
    }

    #[test]
    fn names_are_those_of_the_database_in_any_case() {
        assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
        assert_eq!(zone("utc").to_string(), "UTC");
        for name in ["Asia/Kathmandu", "Australia/Lord_Howe", "Etc/GMT+5"] {
            assert_eq!(zone(name).name(), name);
        }
    }

    #[test]
    fn other_names_are_refused() {
        let long = "Europe/".repeat(10_000);
        for name in [
            "",
            "Berlin",
            "Europe/Atlantis",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "+02:00",
            "Etc/Unknown",
            "../../etc/passwd",
            "/etc/localtime",
            "localtime",
            &long,
        ] {
            let wrong = name.parse::<Timezone>();
            assert_eq!(wrong, Err(InvalidTimezone::Unknown), "{name:.40}");
        }
    }

    #[test]
    fn the_zone_of_the_user_is_not_supported_yet() {
        let error = "user".parse::<TimezoneRef>().expect_err("reserved");
        assert_eq!(error, InvalidTimezone::User);
        let named = "UTC".parse::<TimezoneRef>();
        assert_eq!(named, Ok(TimezoneRef::Named(zone("UTC"))));
    }

    #[rstest]
    #[case::once("Europe/Berlin", "2027-03-28T09:00", "2027-03-28T07:00:00Z")]
    #[case::start_of_gap("Europe/Berlin", "2027-03-28T02:00", "2027-03-28T01:00:00Z")]
    #[case::end_of_gap("Europe/Berlin", "2027-03-28T02:59:59", "2027-03-28T01:00:00Z")]
    #[case::after_gap("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00:00Z")]
    #[case::first_of_two("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30:00Z")]
    #[case::after_fold("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00:00Z")]
    #[case::gap("America/New_York", "2027-03-14T02:30", "2027-03-14T07:00:00Z")]
    #[case::first_of_two("America/New_York", "2027-11-07T01:30", "2027-11-07T05:30:00Z")]
    #[case::gap("Australia/Sydney", "2027-10-03T02:30", "2027-10-02T16:00:00Z")]
    #[case::first_of_two("Australia/Sydney", "2027-04-04T02:30", "2027-04-03T15:30:00Z")]
    #[case::half_hour_gap("Australia/Lord_Howe", "2027-10-03T02:10", "2027-10-02T15:30:00Z")]
    #[case::half_hour_fold("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45:00Z")]
    #[case::quarter("Asia/Kathmandu", "2027-03-28T09:00", "2027-03-28T03:15:00Z")]
    #[case::skipped_day("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z")]
    #[case::gap_before_midnight("America/Scoresbysund", "2027-03-27T23:30", "2027-03-28T01:00:00Z")]
    #[case::year_1("Europe/Berlin", "0001-01-01T00:00", "0000-12-31T23:06:32Z")]
    fn a_local_time_has_one_instant(#[case] name: &str, #[case] local: &str, #[case] utc: &str) {
        let instant = zone(name).instant(local.parse().expect(local));
        assert_eq!(
            instant.map(|instant| instant.to_string()).as_deref(),
            Some(utc)
        );
    }

    #[test]
    fn the_end_of_time_has_no_instant() {
        let last = "9999-12-31T23:59".parse().expect("a local time");
        assert_eq!(zone("America/New_York").instant(last), None);
        let first = "-009999-01-01T00:00".parse().expect("a local time");
        let _ = zone("Asia/Tokyo").instant(first);
    }

    proptest! {
        /// Every zone, also at its transitions of earlier centuries: the clock shows the local time at its instants, and
        /// it never shows a skipped one.
        #[test]
        fn instants_show_their_local_time(
            zone_index in 0usize..600,
            seconds in -4_000_000_000i64..6_000_000_000,
        ) {
            let names: Vec<_> = DATABASE.available().collect();
            let zone = zone(names[zone_index % names.len()].as_str());
            let near = Timestamp::from_second(seconds).expect("in range");
            let change = zone.0.following(near).next().map_or(near, |change| change.timestamp());
            for minute in -200..200 {
                let instant = change + jiff::SignedDuration::from_mins(minute);
                let local = zone.local_time(instant);
                match zone.instants(local).expect("in range") {
                    LocalInstants::One(one) => prop_assert_eq!(one, instant),
                    LocalInstants::Two { first, second } => {
                        prop_assert!(first < second && (first == instant || second == instant));
                        prop_assert_eq!(zone.local_time(first), zone.local_time(second));
                        let repetition = zone.repetition_after(instant);
                        prop_assert_eq!(repetition.is_some(), first == instant);
                        prop_assert!(repetition.is_none_or(|back| back > first && back <= second));
                    }
                    LocalInstants::Skipped { .. } => prop_assert!(false, "shown, but skipped: {}", local),
                }
                let skipped = local + jiff::SignedDuration::from_mins(30);
                if let Some(LocalInstants::Skipped { resumes }) = zone.instants(skipped) {
                    prop_assert!(zone.local_time(resumes) > skipped);
                    let before = resumes - jiff::SignedDuration::from_nanos(1);
                    prop_assert!(zone.local_time(before) < skipped);
                }
            }
        }
    }
}
