use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};

use super::super::CronPattern;
use super::{at, pattern, schedule};

/// The 29 February that is a Friday, at or after a year.
fn leap_friday(year: i16) -> Date {
    let leap_days = (year..).filter_map(|year| Date::new(year, 2, 29).ok());
    let mut fridays = leap_days.filter(|day| day.weekday() == Weekday::Friday);
    fridays.next().expect("the calendar repeats")
}

#[test]
fn a_day_that_comes_once_in_decades_is_found() {
    let fifth_friday = schedule("0 0 * 2 5#5", "UTC");
    // 2100, 2200 and 2300 are not leap years: the longest time between two such days is 40 years.
    for year in (2027..2400).step_by(7) {
        let from = date(year, 1, 1).at(0, 0, 0, 0);
        let from = fifth_friday.timezone().instant(from).expect("in range");
        let found = fifth_friday.next_after(from).expect("one");
        let day = fifth_friday.timezone().local_time(found).date();
        assert_eq!(day, leap_friday(year), "{year}");
    }
}

#[test]
fn a_day_that_comes_once_in_eight_years_is_found() {
    let found = schedule("59 23 29 2 *", "Asia/Kathmandu").next_after(at("2096-03-01T00:00:00Z"));
    assert_eq!(found, Some(at("2104-02-29T18:14:00Z")));
    // If both day fields are restricted, a day matches one of them.
    let found = schedule("0 0 29 2 1", "UTC").next_after(at("2027-01-01T00:00:00Z"));
    assert_eq!(found, Some(at("2027-02-01T00:00:00Z")));
}

/// Patterns with the longest search or the most work to parse. If one of them were expensive, this test would not end.
#[test]
fn expensive_patterns_have_an_answer() {
    let minutes: Vec<_> = (0..60).map(|minute| minute.to_string()).collect();
    let all_minutes = minutes.join(",");
    let nth: Vec<_> = (0..7)
        .flat_map(|day| (1..6).map(move |nth| format!("{day}#{nth}")))
        .collect();
    let weekdays: Vec<_> = (1..32).map(|day| format!("{day}W")).collect();
    for text in [
        format!("{all_minutes} 0 29 2 *"),
        format!("59 23 * * {}", nth.join(",")),
        format!("59 23 {} * *", weekdays.join(",")),
        "59 23 29W 2 6#5".to_owned(),
        "*/59 23 31 12 *".to_owned(),
        "59 23 * 2 0#5,0L".to_owned(),
        "59 23 LW 2 *".to_owned(),
        "1-59/58,1-59/58,1-59/58,1-59/58,1-59/58,1-59/58,1-59/58,1-59/58 23 L 12 *".to_owned(),
    ] {
        let schedule = schedule(&text, "America/Scoresbysund");
        let from = at("2027-01-01T00:00:00Z");
        assert_eq!(schedule.occurrences(from, 500).len(), 500, "{text}");
    }
}

#[test]
fn a_pattern_that_never_occurs_ends_the_search() {
    for text in [
        "* * 30,31 2 *",
        "59 23 31W 2,4,6,9,11 *",
        "*/2 */2 31 2-2,4-4 *",
    ] {
        let error = text.parse::<CronPattern>().expect_err(text);
        assert_eq!(error.code(), "cron_never", "{text}");
    }
}

#[test]
fn the_first_and_the_last_years_are_no_panic() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"] {
        for text in ["* * * * *", "30 2 * * *", "0 0 29 2 *", "*/20 2 * 3 7L"] {
            let schedule = schedule(text, zone);
            for year in [
                "-009999-06-01T00:00:00Z",
                "-000001-12-31T23:59:59Z",
                "0000-06-01T00:00:00Z",
            ] {
                assert!(schedule.next_after(at(year)).is_some(), "{text} {year}");
            }
            for year in ["5000-06-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
                let _ = schedule.next_after(at(year));
            }
            let _ = schedule.next_after(Timestamp::MIN);
            let _ = schedule.next_after(Timestamp::MAX);
            let _ = schedule.occurrences(Timestamp::MAX, 500);
        }
    }
    let end = date(4999, 12, 31).at(23, 59, 59, 0);
    assert_eq!(pattern("0 0 29 2 *").next_local(end, false), None);
}
