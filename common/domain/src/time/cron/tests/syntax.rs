use croner::Cron;
use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;

use super::super::{CronPattern, InvalidCronPattern};
use super::{at, pattern, schedule};

fn error(text: &str) -> InvalidCronPattern {
    text.parse::<CronPattern>().expect_err(text)
}

#[test]
fn spaces_between_fields_do_not_matter() {
    let spaced = pattern(" 0\t9   1 1\n* ");
    assert_eq!(spaced, pattern("0 9 1 1 *"));
    assert_eq!(spaced.as_str(), "0 9 1 1 *");
}

#[test]
fn only_five_fields_are_accepted() {
    for text in [
        "",
        " ",
        "* * * *",
        "* * * * * *",
        "0 * * * * * 2027",
        "@daily",
        "@every 1s",
        "0 9 * * * #comment",
    ] {
        assert_eq!(error(text), InvalidCronPattern::NotFiveFields, "{text}");
        assert_eq!(error(text).code(), "invalid_cron");
    }
    let lenient = ["@daily", "*/10 * * * * *"];
    assert!(
        lenient.iter().all(|text| text.parse::<Cron>().is_ok()),
        "croner accepts these"
    );
}

#[rstest]
#[case("60 * * * *", "minute", "60")]
#[case("-1 * * * *", "minute", "-1")]
#[case("*/0 * * * *", "minute", "*/0")]
#[case("*/90 * * * *", "minute", "*/90")]
#[case("5/10 * * * *", "minute", "5/10")]
#[case("/10 * * * *", "minute", "/10")]
#[case(", * * * *", "minute", "")]
#[case("1,,2 * * * *", "minute", "")]
#[case("1,2, * * * *", "minute", "")]
#[case("001 * * * *", "minute", "001")]
#[case("+1 * * * *", "minute", "+1")]
#[case("1.5 * * * *", "minute", "1.5")]
#[case("MON * * * *", "minute", "MON")]
#[case("L * * * *", "minute", "L")]
#[case("? * * * *", "minute", "?")]
#[case("@hourly * * * *", "minute", "@HOURLY")]
#[case("** * * * *", "minute", "**")]
#[case("１ * * * *", "minute", "１")]
#[case("0 24 * * *", "hour", "24")]
#[case("0 22-2 * * *", "hour", "22-2")]
#[case("0 1-2-3 * * *", "hour", "1-2-3")]
#[case("0 0 0 * *", "day of month", "0")]
#[case("0 0 32 * *", "day of month", "32")]
#[case("0 0 ? * *", "day of month", "?")]
#[case("0 0 W * *", "day of month", "W")]
#[case("0 0 32W * *", "day of month", "32W")]
#[case("0 0 1-5W * *", "day of month", "1-5W")]
#[case("0 0 L-3 * *", "day of month", "L-3")]
#[case("0 0 1 13 *", "month", "13")]
#[case("0 0 1 1FEB *", "month", "1FEB")]
#[case("0 0 1 JANUARY *", "month", "JANUARY")]
#[case("0 0 * * 8", "day of week", "8")]
#[case("0 0 * * L", "day of week", "L")]
#[case("0 0 * * +1", "day of week", "+1")]
#[case("0 0 * * 1#6", "day of week", "1#6")]
#[case("0 0 * * 1#", "day of week", "1#")]
#[case("0 0 * * FRI-MON", "day of week", "FRI-MON")]
#[case("0 0 * * MON-FRI#1", "day of week", "MON-FRI#1")]
fn a_wrong_part_is_named(#[case] text: &str, #[case] field: &'static str, #[case] part: &str) {
    let part = part.to_owned();
    assert_eq!(error(text), InvalidCronPattern::WrongField { field, part });
}

#[test]
fn a_pattern_that_never_occurs_is_refused() {
    for text in [
        "0 0 31 2 *",
        "0 0 30 FEB *",
        "0 0 31 4,6,9,11 *",
        "* * 30,31 2 *",
        "0 0 31W 2 *",
    ] {
        assert_eq!(error(text), InvalidCronPattern::Never, "{text}");
        assert_eq!(error(text).code(), "cron_never");
    }
}

#[test]
fn a_long_pattern_is_refused() {
    let list = |count: usize| {
        (0..count)
            .map(|n| (n % 60).to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let all = format!("{} {} * * *", list(60), list(24));
    assert_eq!(all.len(), 237);
    assert_eq!(
        pattern(&all).next_local(date(2027, 1, 1).at(0, 0, 0, 0), false),
        { Some(date(2027, 1, 1).at(0, 1, 0, 0)) }
    );
    let long = format!("{} * * * *", list(1000));
    assert_eq!(error(&long), InvalidCronPattern::TooLong);
    assert_eq!(error(&" ".repeat(257)), InvalidCronPattern::TooLong);
}

/// The days of 2027 and 2028 on which a pattern occurs at midnight.
#[rstest]
#[case::last_day("0 0 L 2 *", &["2027-02-28", "2028-02-29"])]
#[case::last_weekday("0 0 LW 2 *", &["2027-02-26", "2028-02-29"])]
#[case::nearest_weekday("0 0 15W 8 *", &["2027-08-16", "2028-08-15"])]
#[case::nearest_weekday_in_the_month("0 0 1W 5 *", &["2027-05-03", "2028-05-01"])]
#[case::second_friday("0 0 * JAN FRI#2", &["2027-01-08", "2028-01-14"])]
#[case::last_friday("0 0 * 1 5L", &["2027-01-29", "2028-01-28"])]
#[case::last_sunday("0 0 * 10 7L", &["2027-10-31", "2028-10-29"])]
#[case::leap_day("0 0 29 2 *", &["2028-02-29"])]
#[case::one_of_the_day_fields("0 0 1 1 5#1", &["2027-01-01", "2028-01-01", "2028-01-07"])]
#[case::range_to_sunday("0 0 25-31 12 *", &[
    "2027-12-25", "2027-12-26", "2027-12-27", "2027-12-28", "2027-12-29", "2027-12-30", "2027-12-31",
    "2028-12-25", "2028-12-26", "2028-12-27", "2028-12-28", "2028-12-29", "2028-12-30", "2028-12-31",
])]
fn days_are_those_of_the_calendar(#[case] text: &str, #[case] expected: &[&str]) {
    let utc = schedule(text, "UTC");
    let found: Vec<_> = utc
        .occurrences(at("2026-12-31T00:00:00Z"), expected.len() + 1)
        .into_iter()
        .map(|instant| instant.to_string().replace("T00:00:00Z", ""))
        .filter(|day| day.as_str() < "2029")
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn names_are_values_in_upper_and_lower_case() {
    for (named, numbered) in [
        ("0 0 * jan-mar *", "0 0 * 1-3 *"),
        ("0 0 * * Mon-Fri", "0 0 * * 1-5"),
        ("0 0 * * SAT-SUN", "0 0 * * 6,0"),
        ("0 0 * * sun", "0 0 * * 7"),
        ("0 0 * * sunL", "0 0 * * 0l"),
        ("0 0 lw * *", "0 0 LW * *"),
    ] {
        let [named, numbered] = [named, numbered].map(|text| schedule(text, "UTC"));
        let from = at("2027-01-01T00:00:00Z");
        assert_eq!(
            named.occurrences(from, 100),
            numbered.occurrences(from, 100)
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_never_a_panic(text: String) {
        let _ = text.parse::<CronPattern>();
    }

    /// Whatever the syntax accepts, `croner` accepts as well. Its only further error is that the pattern never occurs.
    #[test]
    fn croner_accepts_what_the_syntax_accepts(text in "[0-9*/,LW#-]{1,4}( [0-9*/,LW#-]{1,4}){4}") {
        use super::super::fields::FIELDS;

        let is_right = FIELDS.iter().zip(text.split(' ')).all(|(field, text)| field.wrong_part(text).is_none());
        let expected = match text.parse::<CronPattern>() {
            Ok(_) | Err(InvalidCronPattern::Never) => true,
            Err(_) => false,
        };
        prop_assert_eq!(is_right, expected, "{}", text);
    }
}
