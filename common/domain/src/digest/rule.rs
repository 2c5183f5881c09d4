use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::DigestMode;
use crate::time::{TimeOfDay, Timezone};

/// How the notifications of a category are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestRule {
    /// How often, unless a user has chosen a slower mode.
    pub mode: DigestMode,
    /// How long a window is, in seconds. Also for users who have chosen `window`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_secs: Option<u32>,
    /// A digest with so many items is closed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u32>,
}

/// When the clock of a user closes digests.
#[derive(Clone, Copy, Debug)]
pub struct DigestClock<'a> {
    /// The time of day at which daily and weekly digests are closed.
    pub at: TimeOfDay,
    /// The time zone.
    pub timezone: &'a Timezone,
}

impl Default for DigestRule {
    fn default() -> Self {
        Self {
            mode: DigestMode::Off,
            window_secs: None,
            max_items: None,
        }
    }
}

impl DigestRule {
    /// The longest window: a day, because `daily` is slower than `window`.
    pub const MAX_WINDOW_SECS: u32 = 86_400;

    /// The window of a category that says none: an hour.
    pub const DEFAULT_WINDOW_SECS: u32 = 3600;

    /// The fewest items of [`DigestRule::max_items`]: one is no digest.
    pub const MIN_MAX_ITEMS: u32 = 2;

    /// The largest number of items, and that of a category that says none. A digest is closed in one transaction.
    pub const MAX_ITEMS: u32 = 1000;

    /// The mode for a user who has chosen `chosen`: the slower of both.
    #[must_use]
    pub fn mode_for(&self, chosen: Option<DigestMode>) -> DigestMode {
        chosen.map_or(self.mode, |chosen| chosen.max(self.mode))
    }

    /// How many items close a digest.
    #[must_use]
    pub fn max_items(&self) -> u32 {
        self.max_items.unwrap_or(Self::MAX_ITEMS)
    }

    /// When a digest with the mode `mode` that was opened at `opened_at` is closed: a window after its length; a daily digest
    /// at the next time of day of the user's clock, and a weekly one at that of the next Monday. If the clock jumps over this
    /// time, the first instant after the jump counts, and the first of two if it shows the time twice.
    #[must_use]
    pub fn closes_at(
        &self,
        mode: DigestMode,
        clock: DigestClock<'_>,
        opened_at: Timestamp,
    ) -> Timestamp {
        match mode {
            DigestMode::Off => opened_at,
            DigestMode::Window => {
                let seconds = self.window_secs.unwrap_or(Self::DEFAULT_WINDOW_SECS);
                after(opened_at, SignedDuration::from_secs(seconds.into()))
            }
            DigestMode::Daily => next(clock, opened_at, |_| true),
            DigestMode::Weekly => next(clock, opened_at, |date| date.weekday() == Weekday::Monday),
        }
    }
}

fn after(instant: Timestamp, wait: SignedDuration) -> Timestamp {
    instant.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// The earliest instant after `opened_at` that stands for the time of day on a day for which `counts` says so.
fn next(clock: DigestClock<'_>, opened_at: Timestamp, counts: impl Fn(Date) -> bool) -> Timestamp {
    let today = clock.timezone.local_time(opened_at).date();
    // From yesterday: where a clock jumps over a whole day, the time of that day is the first instant after the jump.
    let days = (-1..=8).filter_map(|offset| today.checked_add(Span::new().days(offset)).ok());
    let instants = days.filter(|day| counts(*day)).filter_map(|day| {
        let local = day.to_datetime(clock.at.into());
        clock.timezone.instant(local)
    });
    instants
        .filter(|instant| *instant > opened_at)
        .min()
        // At the end of the year 9999.
        .unwrap_or_else(|| after(opened_at, SignedDuration::from_hours(24)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DAILY: DigestRule = DigestRule {
        mode: DigestMode::Daily,
        window_secs: None,
        max_items: None,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn closes(mode: DigestMode, time: &str, zone: &str, opened_at: &str) -> String {
        let (time, zone) = (time.parse().expect(time), zone.parse().expect(zone));
        let clock = DigestClock {
            at: time,
            timezone: &zone,
        };
        DAILY.closes_at(mode, clock, at(opened_at)).to_string()
    }

    #[rstest]
    #[case::before(
        "09:00",
        "Europe/Berlin",
        "2027-06-01T06:59:59Z",
        "2027-06-01T07:00:00Z"
    )]
    #[case::at_the_time(
        "09:00",
        "Europe/Berlin",
        "2027-06-01T07:00:00Z",
        "2027-06-02T07:00:00Z"
    )]
    #[case::other_day_than_utc(
        "01:00",
        "Asia/Tokyo",
        "2027-06-01T16:30:00Z",
        "2027-06-02T16:00:00Z"
    )]
    #[case::summer_begins(
        "09:00",
        "Europe/Berlin",
        "2027-03-27T08:00:00Z",
        "2027-03-28T07:00:00Z"
    )]
    #[case::winter_begins(
        "09:00",
        "Europe/Berlin",
        "2027-10-30T07:00:00Z",
        "2027-10-31T08:00:00Z"
    )]
    #[case::jumped_over(
        "02:30",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        "2027-03-28T01:00:00Z"
    )]
    #[case::after_the_jump(
        "02:30",
        "Europe/Berlin",
        "2027-03-28T01:00:00Z",
        "2027-03-29T00:30:00Z"
    )]
    #[case::first_of_two(
        "02:30",
        "Europe/Berlin",
        "2027-10-30T12:00:00Z",
        "2027-10-31T00:30:00Z"
    )]
    #[case::not_the_second(
        "02:30",
        "Europe/Berlin",
        "2027-10-31T00:30:00Z",
        "2027-11-01T01:30:00Z"
    )]
    #[case::between_the_two(
        "02:30",
        "Europe/Berlin",
        "2027-10-31T01:10:00Z",
        "2027-11-01T01:30:00Z"
    )]
    #[case::half_hour(
        "02:10",
        "Australia/Lord_Howe",
        "2027-10-02T12:00:00Z",
        "2027-10-02T15:30:00Z"
    )]
    #[case::skipped_day(
        "09:00",
        "Pacific/Apia",
        "2011-12-29T20:00:00Z",
        "2011-12-30T10:00:00Z"
    )]
    #[case::after_the_skipped_day(
        "09:00",
        "Pacific/Apia",
        "2011-12-30T10:00:00Z",
        "2011-12-30T19:00:00Z"
    )]
    fn a_daily_digest_closes_at_the_time_of_the_users_clock(
        #[case] time: &str,
        #[case] zone: &str,
        #[case] opened_at: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(closes(DigestMode::Daily, time, zone, opened_at), expected);
    }

    #[rstest]
    #[case::thursday("2027-03-25T12:00:00Z", "2027-03-29T07:00:00Z")]
    #[case::monday_before("2027-03-22T07:59:00Z", "2027-03-22T08:00:00Z")]
    #[case::monday_after("2027-03-22T08:00:00Z", "2027-03-29T07:00:00Z")]
    #[case::sunday("2027-10-31T22:59:00Z", "2027-11-01T08:00:00Z")]
    fn a_weekly_digest_closes_on_monday(#[case] opened_at: &str, #[case] expected: &str) {
        let closes = closes(DigestMode::Weekly, "09:00", "Europe/Berlin", opened_at);
        assert_eq!(closes, expected);
    }

    /// Whatever the zone does, a digest closes later than it was opened, and no time of day is passed by.
    #[test]
    fn daily_digests_follow_each_other_in_many_zones() {
        // All of them would take long.
        for name in Timezone::names().iter().step_by(20) {
            let zone: Timezone = name.parse().expect(name);
            for time in ["00:00", "02:30"] {
                let clock = DigestClock {
                    at: time.parse().expect(time),
                    timezone: &zone,
                };
                let mut opened = at("2027-02-20T00:00:00Z");
                while opened < at("2027-12-01T00:00:00Z") {
                    let closes = DAILY.closes_at(DigestMode::Daily, clock, opened);
                    let hours = opened.duration_until(closes).as_secs_f64() / 3600.0;
                    assert!(hours > 0.0 && hours <= 26.0, "{name} {opened} {closes}");
                    opened = closes;
                }
            }
        }
    }

    #[test]
    fn the_slower_mode_counts() {
        for (index, mode) in DigestMode::ALL.into_iter().enumerate() {
            let rule = DigestRule { mode, ..DAILY };
            assert_eq!(rule.mode_for(None), mode);
            for (other, chosen) in DigestMode::ALL.into_iter().enumerate() {
                let slower = DigestMode::ALL[index.max(other)];
                assert_eq!(rule.mode_for(Some(chosen)), slower);
            }
        }
    }

    #[test]
    fn a_window_has_its_length_and_an_hour_by_default() {
        let zone = Timezone::default();
        let clock = DigestClock {
            at: TimeOfDay::hour(9),
            timezone: &zone,
        };
        let rule = |window_secs| DigestRule {
            mode: DigestMode::Window,
            window_secs,
            max_items: None,
        };
        let opened = at("2027-01-01T00:00:00Z");
        let closes = |rule: DigestRule| rule.closes_at(DigestMode::Window, clock, opened);
        assert_eq!(closes(rule(Some(90))), at("2027-01-01T00:01:30Z"));
        assert_eq!(closes(rule(None)), at("2027-01-01T01:00:00Z"));
        let off = rule(None).closes_at(DigestMode::Off, clock, opened);
        assert_eq!(off, opened);
    }

    #[test]
    fn a_rule_is_read_back_from_its_json() {
        for (rule, json) in [
            (DAILY, r#"{"mode":"daily"}"#),
            (
                DigestRule {
                    mode: DigestMode::Window,
                    window_secs: Some(60),
                    max_items: Some(10),
                },
                r#"{"mode":"window","windowSecs":60,"maxItems":10}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&rule).expect("JSON"), json);
            let read: DigestRule = serde_json::from_str(json).expect(json);
            assert_eq!(read, rule);
        }
    }
}
