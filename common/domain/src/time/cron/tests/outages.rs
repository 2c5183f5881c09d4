use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use super::super::{CatchUp, CronSchedule, InvalidCronSchedule};
use super::{at, pattern, schedule};

const HOUR: Duration = Duration::from_hours(1);

fn bounded(text: &str, starts_at: Option<&str>, ends_at: Option<&str>) -> CronSchedule {
    let zone = "Europe/Berlin".parse().expect("a zone");
    CronSchedule::new(pattern(text), zone, starts_at.map(at), ends_at.map(at)).expect("a period")
}

#[rstest]
#[case::not_due("2027-06-01T06:59:59.999999Z", HOUR, None, 0, "2027-06-01T07:00:00Z")]
#[case::due(
    "2027-06-01T07:00:00Z",
    HOUR,
    Some("2027-06-01T07:00:00Z"),
    0,
    "2027-06-02T07:00:00Z"
)]
#[case::late(
    "2027-06-01T08:00:00Z",
    HOUR,
    Some("2027-06-01T07:00:00Z"),
    0,
    "2027-06-02T07:00:00Z"
)]
#[case::too_late("2027-06-01T08:00:00.000001Z", HOUR, None, 1, "2027-06-02T07:00:00Z")]
#[case::days(
    "2027-06-04T07:30:00Z",
    HOUR,
    Some("2027-06-04T07:00:00Z"),
    3,
    "2027-06-05T07:00:00Z"
)]
#[case::days_too_late("2027-06-04T09:00:00Z", HOUR, None, 4, "2027-06-05T07:00:00Z")]
#[case::no_grace(
    "2027-06-01T07:00:59Z",
    Duration::ZERO,
    Some("2027-06-01T07:00:00Z"),
    0,
    "2027-06-02T07:00:00Z"
)]
#[case::no_grace_too_late(
    "2027-06-01T07:01:01Z",
    Duration::ZERO,
    None,
    1,
    "2027-06-02T07:00:00Z"
)]
#[case::any_grace(
    "2028-06-01T07:00:00Z",
    Duration::MAX,
    Some("2028-06-01T07:00:00Z"),
    366,
    "2028-06-02T07:00:00Z"
)]
fn the_latest_occurrence_runs_late_within_the_grace(
    #[case] now: &str,
    #[case] grace: Duration,
    #[case] run: Option<&str>,
    #[case] skipped: u64,
    #[case] next: &str,
) {
    let daily = schedule("0 7 * * *", "UTC");
    let expected = CatchUp {
        run: run.map(at),
        skipped,
        next: Some(at(next)),
    };
    let next_at = at("2027-06-01T07:00:00Z");
    assert_eq!(daily.after_outage(next_at, at(now), grace), expected);
}

#[test]
fn an_outage_of_three_hours_over_a_clock_change_is_one_late_run() {
    let schedule = schedule("*/15 * * * *", "Europe/Berlin");
    let (next_at, now) = (at("2027-10-31T00:00:00Z"), at("2027-10-31T03:07:00Z"));
    let expected = CatchUp {
        run: Some(at("2027-10-31T03:00:00Z")),
        skipped: 12,
        next: Some(at("2027-10-31T03:15:00Z")),
    };
    assert_eq!(schedule.after_outage(next_at, now, HOUR), expected);
}

#[test]
fn an_outage_beyond_the_end_leaves_no_next_occurrence() {
    let ended = bounded("0 9 * * *", None, Some("2027-06-03T07:00:00Z"));
    let outage = |now| ended.after_outage(at("2027-06-01T07:00:00Z"), at(now), HOUR);
    let late = CatchUp {
        run: Some(at("2027-06-03T07:00:00Z")),
        skipped: 2,
        next: None,
    };
    assert_eq!(outage("2027-06-03T07:30:00Z"), late);
    let too_late = CatchUp {
        run: None,
        skipped: 3,
        next: None,
    };
    assert_eq!(outage("2027-07-01T00:00:00Z"), too_late);
}

#[test]
fn an_instant_that_the_pattern_no_longer_matches_counts_as_an_occurrence() {
    let changed = schedule("0 7 * * *", "UTC");
    let expected = CatchUp {
        run: Some(at("2027-06-01T05:30:00Z")),
        skipped: 0,
        next: Some(at("2027-06-01T07:00:00Z")),
    };
    let due = at("2027-06-01T05:30:00Z");
    assert_eq!(changed.after_outage(due, due, HOUR), expected);
}

#[test]
fn the_count_after_years_is_limited() {
    let every_minute = schedule("* * * * *", "Europe/Berlin");
    let (next_at, now) = (at("2007-01-01T00:00:00Z"), at("2027-06-01T07:00:30Z"));
    let expected = CatchUp {
        run: Some(at("2027-06-01T07:00:00Z")),
        skipped: CatchUp::MAX_COUNTED,
        next: Some(at("2027-06-01T07:01:00Z")),
    };
    assert_eq!(every_minute.after_outage(next_at, now, HOUR), expected);
}

#[test]
fn a_schedule_occurs_from_its_start_to_its_end() {
    let period = bounded(
        "0 9 * * *",
        Some("2027-06-01T07:00:00Z"),
        Some("2027-06-03T07:00:00Z"),
    );
    let all = [
        "2027-06-01T07:00:00Z",
        "2027-06-02T07:00:00Z",
        "2027-06-03T07:00:00Z",
    ]
    .map(at);
    assert_eq!(period.occurrences(Timestamp::MIN, 500), all);
    assert_eq!(period.occurrences(at("2027-06-01T07:00:00Z"), 1), [all[1]]);
    assert_eq!(period.first(at("2027-01-01T00:00:00Z")), Ok(all[0]));
    let ended = period.first(at("2027-06-03T07:00:00Z")).expect_err("ended");
    assert_eq!(ended.code(), "cron_never");
}

#[test]
fn a_period_must_not_end_before_it_starts() {
    let zone = "UTC".parse().expect("a zone");
    let [start, end] = ["2027-06-01T00:00:00Z", "2027-05-01T00:00:00Z"].map(at);
    let error = CronSchedule::new(pattern("0 9 * * *"), zone, Some(start), Some(end));
    assert_eq!(error, Err(InvalidCronSchedule::EndsBeforeStart));
    assert_eq!(
        InvalidCronSchedule::EndsBeforeStart.code(),
        "ends_before_start"
    );
}

#[test]
fn at_most_500_occurrences_are_listed() {
    let every_minute = schedule("* * * * *", "UTC");
    let found = every_minute.occurrences(at("2027-01-01T00:00:00Z"), usize::MAX);
    assert_eq!(found.len(), 500);
    assert_eq!(found[499], at("2027-01-01T08:20:00Z"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// The bisection finds what a walk over all occurrences finds.
    #[test]
    fn the_latest_occurrence_is_the_last_of_a_walk(
        text in prop_oneof![
            Just("*/7 * * * *"), Just("0 */5 * * *"), Just("30 2 * * *"), Just("0 9 * * 1-5"), Just("17 3 1,15 * *"),
        ],
        minutes in 0i64..60 * 24 * 20,
        seconds in 0i64..60,
    ) {
        let schedule = schedule(text, "Europe/Berlin");
        let next_at = schedule.next_after(at("2027-10-20T00:00:00Z")).expect("one");
        let now = next_at + SignedDuration::from_mins(minutes) + SignedDuration::from_secs(seconds);
        let mut due = vec![next_at];
        let next = loop {
            match schedule.next_after(due[due.len() - 1]) {
                Some(next) if next <= now => due.push(next),
                next => break next,
            }
        };
        let latest = due[due.len() - 1];
        let is_late = latest.duration_until(now) > SignedDuration::from_hours(1);
        let catch_up = schedule.after_outage(next_at, now, HOUR);
        prop_assert_eq!(catch_up.run, Some(latest).filter(|_| !is_late));
        prop_assert_eq!(catch_up.skipped, (due.len() - usize::from(!is_late)) as u64);
        prop_assert_eq!(catch_up.next, next);
    }
}
