mod each_minute;

use std::collections::HashSet;

use rstest::rstest;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn zone(name: &str) -> Timezone {
    name.parse().expect(name)
}

fn hours(json: &str) -> QuietHours {
    QuietHours::from_json(json).expect(json)
}

/// Every day from the one time to the other.
fn daily(from: &str, to: &str) -> QuietHours {
    hours(&format!(
        r#"[{{"days": [1, 2, 3, 4, 5, 6, 7], "from": "{from}", "to": "{to}"}}]"#
    ))
}

/// The fields that are wrong.
fn wrong(json: &str) -> Vec<String> {
    let value: &RawValue = serde_json::from_str(json).expect(json);
    let problems = QuietHours::read_windows(value, "quiet").expect_err(json);
    problems.into_iter().map(|problem| problem.field).collect()
}

#[rstest]
#[case(r#""22:00""#, &["quiet"])]
#[case(r#"{"days": [1]}"#, &["quiet"])]
#[case("[7, []]", &["quiet[0]", "quiet[1]"])]
#[case("[{}]", &["quiet[0].days", "quiet[0].from", "quiet[0].to"])]
#[case(r#"[{"days": [1], "from": "08:00", "to": "08:00"}]"#, &["quiet[0].to"])]
#[case(r#"[{"days": [1], "from": "8:00", "to": 9}]"#, &["quiet[0].from", "quiet[0].to"])]
#[case(r#"[{"days": [], "from": "22:00", "to": "07:00"}]"#, &["quiet[0].days"])]
#[case(r#"[{"days": [0], "from": "22:00", "to": "07:00"}]"#, &["quiet[0].days"])]
#[case(r#"[{"days": [8], "from": "22:00", "to": "07:00"}]"#, &["quiet[0].days"])]
#[case(r#"[{"days": [1, 1], "from": "22:00", "to": "07:00"}]"#, &["quiet[0].days"])]
#[case(r#"[{"days": ["1"], "from": "22:00", "to": "24:00"}]"#, &["quiet[0].days", "quiet[0].to"])]
#[case(r#"[{"days": [1], "from": "22:00", "to": "07:00", "at": 1}]"#, &["quiet[0].at"])]
fn everything_that_is_wrong_is_named(#[case] json: &str, #[case] fields: &[&str]) {
    assert_eq!(wrong(json), fields);
}

#[test]
fn there_are_at_most_14_windows() {
    let list = |count| {
        let window = r#"{"days": [1], "from": "22:00", "to": "07:00"}"#;
        format!("[{}]", vec![window; count].join(","))
    };
    assert!(!hours(&list(14)).is_empty());
    assert_eq!(wrong(&list(15)), ["quiet"]);
    assert!(hours("[]").is_empty());
}

#[test]
fn quiet_hours_leave_a_minute_of_the_week() {
    let days = "1, 2, 3, 4, 5, 6, 7";
    let two = |to: &str| {
        format!(
            r#"[{{"days": [{days}], "from": "00:00", "to": "12:00"}},
                {{"days": [{days}], "from": "12:00", "to": "{to}"}}]"#
        )
    };
    assert!(QuietHours::from_json(&two("23:59")).is_some());
    let json = two("00:00");
    let value = serde_json::from_str(&json).expect("JSON");
    let windows = QuietHours::read_windows(value, "quiet").expect("windows");
    assert_eq!(QuietHours::new(windows), Err(QuietHoursNeverEnd));
}

#[test]
fn quiet_hours_are_written_as_they_are_read() {
    let json = r#"[{"days":[5,6],"from":"23:30","to":"09:00"}]"#;
    let quiet = hours(json);
    assert_eq!(serde_json::to_string(&quiet).expect("JSON"), json);
}

/// 2027-01-01 is a Friday.
#[rstest]
#[case::before("2027-01-01T21:59:59Z", None)]
#[case::first("2027-01-01T22:00:00Z", Some("2027-01-02T07:00:00Z"))]
#[case::next_day("2027-01-02T06:59:59.5Z", Some("2027-01-02T07:00:00Z"))]
#[case::after("2027-01-02T07:00:00Z", None)]
#[case::the_night_of_another_day("2027-01-02T23:00:00Z", None)]
#[case::the_morning_after_another_day("2027-01-01T06:00:00Z", None)]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins(
    #[case] now: &str,
    #[case] end: Option<&str>,
) {
    let quiet = hours(r#"[{"days": [5], "from": "22:00", "to": "07:00"}]"#);
    let found = quiet.end(&zone("UTC"), at(now));
    assert_eq!(found, end.map(at));
    assert_eq!(quiet.is_quiet(&zone("UTC"), at(now)), end.is_some());
}

#[rstest]
#[case::usual(
    "Europe/Berlin",
    "22:00",
    "07:00",
    "2027-03-26T23:00:00Z",
    "2027-03-27T06:00:00Z"
)]
#[case::shorter_night(
    "Europe/Berlin",
    "22:00",
    "07:00",
    "2027-03-27T23:00:00Z",
    "2027-03-28T05:00:00Z"
)]
#[case::longer_night(
    "Europe/Berlin",
    "22:00",
    "07:00",
    "2027-10-30T22:00:00Z",
    "2027-10-31T06:00:00Z"
)]
// The clock jumps from 02:00 to 03:00: 02:30 does not happen.
#[case::end_is_skipped(
    "Europe/Berlin",
    "22:00",
    "02:30",
    "2027-03-28T00:59:00Z",
    "2027-03-28T01:00:00Z"
)]
#[case::window_is_skipped_but_for_its_start(
    "Europe/Berlin",
    "01:59",
    "02:30",
    "2027-03-28T00:59:30Z",
    "2027-03-28T01:00:00Z"
)]
// The clock goes back from 03:00 to 02:00: 02:30 happens twice, and the first one is an end.
#[case::first_of_two_ends(
    "Europe/Berlin",
    "22:00",
    "02:30",
    "2027-10-31T00:10:00Z",
    "2027-10-31T00:30:00Z"
)]
#[case::second_of_two_ends(
    "Europe/Berlin",
    "22:00",
    "02:30",
    "2027-10-31T01:10:00Z",
    "2027-10-31T01:30:00Z"
)]
// From 03:00 back to 02:00, in the middle of what is quiet.
#[case::quiet_during_both(
    "Europe/Berlin",
    "02:00",
    "03:30",
    "2027-10-31T00:10:00Z",
    "2027-10-31T02:30:00Z"
)]
// Half an hour: from 02:00 to 02:30, and from 02:00 back to 01:30.
#[case::lord_howe_forward(
    "Australia/Lord_Howe",
    "22:00",
    "02:10",
    "2027-10-02T15:00:00Z",
    "2027-10-02T15:30:00Z"
)]
#[case::lord_howe_forward_later(
    "Australia/Lord_Howe",
    "22:00",
    "02:40",
    "2027-10-02T15:00:00Z",
    "2027-10-02T15:40:00Z"
)]
#[case::lord_howe_back(
    "Australia/Lord_Howe",
    "01:00",
    "01:45",
    "2027-04-03T15:05:00Z",
    "2027-04-03T15:15:00Z"
)]
// In the Ramadan of 2025 the clock was an hour behind: from 03:00 back to 02:00, and from 02:00 to 03:00 at its end.
#[case::casablanca_back(
    "Africa/Casablanca",
    "22:00",
    "07:00",
    "2025-02-22T23:00:00Z",
    "2025-02-23T07:00:00Z"
)]
#[case::casablanca_forward(
    "Africa/Casablanca",
    "22:00",
    "02:30",
    "2025-04-06T01:59:00Z",
    "2025-04-06T02:00:00Z"
)]
// There was no 30 December: Thursday was followed by Saturday.
#[case::apia(
    "Pacific/Apia",
    "22:00",
    "07:00",
    "2011-12-30T09:00:00Z",
    "2011-12-30T17:00:00Z"
)]
fn the_end_is_the_first_instant_at_which_it_is_not_quiet(
    #[case] name: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] now: &str,
    #[case] end: &str,
) {
    let (quiet, zone) = (daily(from, to), zone(name));
    let found = quiet.end(&zone, at(now));
    assert_eq!(found.map(|end| end.to_string()).as_deref(), Some(end));
}

#[test]
fn a_day_that_does_not_happen_is_not_quiet() {
    // All of Friday 2011-12-30, which Apia skipped: at the end of Thursday it is Saturday.
    let friday = r#"{"days": [5], "from": "00:00", "to": "12:00"}, {"days": [5], "from": "12:00", "to": "00:00"}"#;
    let thursday = r#"{"days": [4], "from": "20:00", "to": "00:00"}"#;
    let quiet = hours(&format!("[{friday}, {thursday}]"));
    let end = quiet.end(&zone("Pacific/Apia"), at("2011-12-30T09:00:00Z"));
    assert_eq!(end, Some(at("2011-12-30T10:00:00Z")));
    // A week later it is a day like any other.
    let end = quiet.end(&zone("Pacific/Apia"), at("2012-01-06T09:00:00Z"));
    assert_eq!(end, Some(at("2012-01-06T10:00:00Z")));
}

fn user(n: u128) -> UserId {
    uuid::Uuid::from_u128(n).into()
}

#[test]
fn users_are_released_over_five_minutes_each_at_the_same_place() {
    let (quiet, zone) = (daily("22:00", "07:00"), zone("UTC"));
    let now = at("2027-01-01T23:00:00Z");
    let end = at("2027-01-02T07:00:00Z");
    let spread = Duration::from_mins(5);
    let release = |n| quiet.release(&zone, now, user(n), spread).expect("quiet");
    let delays: Vec<u64> = (0..10_000)
        .map(|n| end.duration_until(release(n)).unsigned_abs().as_secs())
        .collect();
    let distinct: HashSet<u64> = delays.iter().copied().collect();
    assert_eq!(distinct.len(), 300);
    assert_eq!(delays.iter().max(), Some(&299));
    // About 33 users a second.
    let busiest = (0..300).map(|second| delays.iter().filter(|delay| **delay == second).count());
    assert!(busiest.max() < Some(70));
    assert_eq!(release(7), release(7));
    // The number must not change from one version to the next.
    assert_eq!(delays[7], 62);
    let at_once = quiet.release(&zone, now, user(7), Duration::ZERO);
    assert_eq!(at_once, Some(end));
    assert_eq!(quiet.release(&zone, end, user(7), spread), None);
}

#[test]
fn a_short_pause_between_two_quiet_windows_is_used() {
    let all_days = "1, 2, 3, 4, 5, 6, 7";
    let quiet = hours(&format!(
        r#"[{{"days": [{all_days}], "from": "22:00", "to": "07:00"}},
            {{"days": [{all_days}], "from": "07:02", "to": "08:00"}}]"#
    ));
    let (zone, now) = (zone("UTC"), at("2027-01-01T23:00:00Z"));
    for n in 0..100 {
        let release = quiet.release(&zone, now, user(n), Duration::from_mins(5));
        let release = release.expect("quiet");
        assert!(release >= at("2027-01-02T07:00:00Z") && release < at("2027-01-02T07:01:00Z"));
    }
}
