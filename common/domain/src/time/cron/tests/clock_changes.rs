use rstest::rstest;

use super::{at, schedule};

/// Compares the first occurrences after `from`.
#[track_caller]
fn assert_occurrences(text: &str, zone: &str, from: &str, expected: &[&str]) {
    let found: Vec<_> = schedule(text, zone)
        .occurrences(at(from), expected.len())
        .into_iter()
        .map(|instant| instant.to_string())
        .collect();
    assert_eq!(found, expected, "{text} in {zone}");
}

#[rstest]
// 02:00 CET (01:00 UTC) becomes 03:00 CEST.
#[case("Europe/Berlin", "2027-03-26T12:00:00Z", &["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"])]
// 03:00 CEST (01:00 UTC) becomes 02:00 CET.
#[case("Europe/Berlin", "2027-10-29T12:00:00Z", &["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"])]
#[case("America/New_York", "2027-03-12T12:00:00Z", &["2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"])]
#[case("Australia/Sydney", "2027-10-01T12:00:00Z", &["2027-10-01T16:30:00Z", "2027-10-02T16:00:00Z", "2027-10-03T15:30:00Z"])]
#[case("Australia/Sydney", "2027-04-02T00:00:00Z", &["2027-04-02T15:30:00Z", "2027-04-03T15:30:00Z", "2027-04-04T16:30:00Z"])]
#[case("Asia/Kathmandu", "2027-03-26T12:00:00Z", &["2027-03-26T20:45:00Z", "2027-03-27T20:45:00Z"])]
fn a_fixed_time_runs_once_a_day(#[case] zone: &str, #[case] from: &str, #[case] expected: &[&str]) {
    assert_occurrences("30 2 * * *", zone, from, expected);
}

#[test]
fn a_repeated_fixed_time_runs_the_first_time() {
    let days = [
        "2027-11-06T05:30:00Z",
        "2027-11-07T05:30:00Z",
        "2027-11-08T06:30:00Z",
    ];
    assert_occurrences(
        "30 1 * * *",
        "America/New_York",
        "2027-11-05T12:00:00Z",
        &days,
    );
    let days = [
        "2027-04-02T14:45:00Z",
        "2027-04-03T14:45:00Z",
        "2027-04-04T15:15:00Z",
    ];
    assert_occurrences(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2027-04-02T00:00:00Z",
        &days,
    );
    // Also if the search begins in the second pass.
    for from in [
        "2027-10-31T01:00:00Z",
        "2027-10-31T01:20:00Z",
        "2027-10-31T01:59:00Z",
    ] {
        assert_occurrences(
            "30 2 * * *",
            "Europe/Berlin",
            from,
            &["2027-11-01T01:30:00Z"],
        );
    }
}

#[test]
fn fixed_times_in_one_gap_run_once_after_it() {
    assert_occurrences(
        "15,45 1-2 * * *",
        "Europe/Berlin",
        "2027-03-28T00:30:00Z",
        &[
            "2027-03-28T00:45:00Z",
            "2027-03-28T01:00:00Z",
            "2027-03-28T23:15:00Z",
        ],
    );
    // 03:00 is a time of the pattern as well.
    assert_occurrences(
        "0,15 2-4 * * *",
        "Europe/Berlin",
        "2027-03-28T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z",
            "2027-03-28T01:15:00Z",
            "2027-03-28T02:00:00Z",
            "2027-03-28T02:15:00Z",
        ],
    );
}

#[test]
fn several_fixed_times_a_day_are_neither_skipped_nor_repeated() {
    for text in ["0 */2 * * *", "0 0,2,4,6,8,10,12,14,16,18,20,22 * * *"] {
        assert_occurrences(
            text,
            "Europe/Berlin",
            "2027-03-27T22:30:00Z",
            &[
                "2027-03-27T23:00:00Z",
                "2027-03-28T01:00:00Z",
                "2027-03-28T02:00:00Z",
            ],
        );
        assert_occurrences(
            text,
            "Europe/Berlin",
            "2027-10-30T21:30:00Z",
            &[
                "2027-10-30T22:00:00Z",
                "2027-10-31T00:00:00Z",
                "2027-10-31T03:00:00Z",
            ],
        );
    }
}

#[rstest]
#[case::spring("2027-03-28T00:30:00Z", &[
    "2027-03-28T00:45:00Z", "2027-03-28T01:00:00Z", "2027-03-28T01:15:00Z", "2027-03-28T01:30:00Z",
])]
#[case::autumn("2027-10-31T00:30:00Z", &[
    "2027-10-31T00:45:00Z", "2027-10-31T01:00:00Z", "2027-10-31T01:15:00Z", "2027-10-31T01:30:00Z",
    "2027-10-31T01:45:00Z", "2027-10-31T02:00:00Z",
])]
fn an_interval_keeps_its_distance(#[case] from: &str, #[case] expected: &[&str]) {
    for text in ["*/15 * * * *", "0-59/15 0-6 * * *", "0,15,30,45 * * * *"] {
        assert_occurrences(text, "Europe/Berlin", from, expected);
    }
}

#[rstest]
fn intervals_keep_their_distance_all_year(
    #[values(
        "Europe/Berlin",
        "America/New_York",
        "Australia/Sydney",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Havana",
        "UTC"
    )]
    zone: &str,
) {
    let schedule = schedule("*/30 * * * *", zone);
    let mut last = schedule
        .next_after(at("2026-12-31T23:59:00Z"))
        .expect("one");
    while last < at("2028-01-01T00:00:00Z") {
        let next = schedule.next_after(last).expect("another");
        assert_eq!(last.duration_until(next).as_mins(), 30, "{last}");
        last = next;
    }
}

#[test]
fn an_hourly_pattern_runs_every_hour() {
    for (zone, from) in [
        ("Europe/Berlin", "2027-03-27T22:00:00Z"),
        ("Europe/Berlin", "2027-10-30T22:00:00Z"),
        ("America/New_York", "2027-03-14T05:00:00Z"),
        ("America/New_York", "2027-11-07T04:00:00Z"),
        ("Australia/Sydney", "2027-10-02T14:00:00Z"),
        ("Australia/Sydney", "2027-04-03T13:00:00Z"),
    ] {
        for text in ["7 * * * *", "7 0-23 * * *"] {
            let found = schedule(text, zone).occurrences(at(from), 6);
            let hours: Vec<_> = found
                .windows(2)
                .map(|two| two[0].duration_until(two[1]))
                .collect();
            assert!(
                hours.iter().all(|hour| hour.as_mins() == 60),
                "{zone}: {found:?}"
            );
        }
    }
}

#[test]
fn an_interval_of_one_hour_is_not_left_out() {
    let berlin = "Europe/Berlin";
    // The hour does not exist on this day.
    assert_occurrences(
        "*/20 2 * * *",
        berlin,
        "2027-03-28T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z",
            "2027-03-29T00:00:00Z",
            "2027-03-29T00:20:00Z",
        ],
    );
    // The hour lasts two hours on this day.
    assert_occurrences(
        "*/20 2 * * *",
        berlin,
        "2027-10-31T00:30:00Z",
        &[
            "2027-10-31T00:40:00Z",
            "2027-10-31T01:00:00Z",
            "2027-10-31T01:20:00Z",
            "2027-10-31T01:40:00Z",
            "2027-11-01T01:00:00Z",
        ],
    );
    // A pattern that only ever meets the gap: every last Sunday of March.
    assert_occurrences(
        "*/20 2 * 3 7L",
        berlin,
        "2027-01-01T00:00:00Z",
        &["2027-03-28T01:00:00Z", "2028-03-26T01:00:00Z"],
    );
}

#[test]
fn a_clock_change_of_half_an_hour_shifts_by_half_an_hour() {
    assert_occurrences(
        "10 2 * * *",
        "Australia/Lord_Howe",
        "2027-10-01T16:00:00Z",
        &["2027-10-02T15:30:00Z", "2027-10-03T15:10:00Z"],
    );
    assert_occurrences(
        "*/15 * * * *",
        "Australia/Lord_Howe",
        "2027-04-03T14:30:00Z",
        &[
            "2027-04-03T14:45:00Z",
            "2027-04-03T15:00:00Z",
            "2027-04-03T15:15:00Z",
            "2027-04-03T15:30:00Z",
        ],
    );
}

#[test]
fn a_fixed_time_of_a_skipped_day_runs_when_the_next_day_begins() {
    // Samoa had no 30 December 2011.
    let zone = "Pacific/Apia";
    assert_occurrences(
        "0 12 * * *",
        zone,
        "2011-12-28T23:00:00Z",
        &[
            "2011-12-29T22:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T22:00:00Z",
        ],
    );
    assert_occurrences(
        "0 12 30 12 *",
        zone,
        "2011-01-01T00:00:00Z",
        &["2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z"],
    );
    assert_occurrences(
        "0 * * * *",
        zone,
        "2011-12-30T08:00:00Z",
        &[
            "2011-12-30T09:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T11:00:00Z",
        ],
    );
}

#[test]
fn a_gap_until_midnight_does_not_lose_the_day() {
    // 23:00 on Saturday becomes 00:00 on Sunday: the day of the week no longer matches after the gap.
    assert_occurrences(
        "30 23 * * 6",
        "America/Scoresbysund",
        "2027-03-22T00:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-04-04T00:30:00Z"],
    );
}

#[test]
fn a_clock_change_at_midnight_neither_skips_nor_repeats_a_day() {
    // 00:00 becomes 01:00 on 14 March, and 01:00 becomes 00:00 on 7 November.
    let zone = "America/Havana";
    assert_occurrences(
        "0 0 * * *",
        zone,
        "2027-03-13T00:00:00Z",
        &[
            "2027-03-13T05:00:00Z",
            "2027-03-14T05:00:00Z",
            "2027-03-15T04:00:00Z",
        ],
    );
    assert_occurrences(
        "0 0 * * *",
        zone,
        "2027-11-06T00:00:00Z",
        &[
            "2027-11-06T04:00:00Z",
            "2027-11-07T04:00:00Z",
            "2027-11-08T05:00:00Z",
        ],
    );
}
