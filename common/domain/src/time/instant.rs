//! Dates and times in JSON.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The form of a date and time. A zero stands for any digit.
const DATE_TIME: &str = "0000-00-00T00:00:00";

/// The digits of microseconds. More digits are cut off.
const FRACTION_DIGITS: usize = 6;

/// The text is not an instant. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstant {
    /// The text is not a date and time of RFC 3339.
    #[error("must be a date and time with offset (RFC 3339), such as 2027-03-28T09:00:00+02:00")]
    Malformed,
    /// The offset from UTC is absent.
    #[error("needs an offset from UTC, such as 2027-03-28T09:00:00+02:00 or 2027-03-28T07:00:00Z")]
    NoOffset,
}

/// Parses a date and time with offset (RFC 3339, section 5.6), such as `2027-03-28T09:00:00+02:00`.
///
/// Digits beyond microseconds are cut off. The leap second `23:59:60` is read as `23:59:59`. A date that [`Timestamp`]
/// cannot represent, such as `9999-12-31`, becomes the nearest one that it can.
///
/// # Errors
///
/// Returns an error if the text has another form, no offset, or a date or time that does not exist.
pub fn parse_instant(text: &str) -> Result<Timestamp, InvalidInstant> {
    let (date_time, rest) = text
        .split_at_checked(DATE_TIME.len())
        .ok_or(InvalidInstant::Malformed)?;
    if !has_form(date_time, DATE_TIME) {
        return Err(InvalidInstant::Malformed);
    }
    let digits = rest.strip_prefix('.').map_or("", leading_digits);
    let offset = match rest.strip_prefix('.') {
        Some(_) if digits.is_empty() => return Err(InvalidInstant::Malformed),
        Some(fraction) => &fraction[digits.len()..],
        None => rest,
    };
    let kept = &digits[..digits.len().min(FRACTION_DIGITS)];
    let point = if kept.is_empty() { "" } else { "." };
    let local: DateTime = format!("{date_time}{point}{kept}")
        .parse()
        .map_err(|_| InvalidInstant::Malformed)?;
    let offset = parse_offset(offset)?;
    Ok(offset.to_timestamp(local).unwrap_or(if local.year() > 0 {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    }))
}

/// Parses a local date and time, such as `2027-03-28T09:00`. Seconds are optional.
pub(super) fn parse_local(text: &str) -> Option<DateTime> {
    let minutes = &DATE_TIME[.."0000-00-00T00:00".len()];
    if !has_form(text, DATE_TIME) && !has_form(text, minutes) {
        return None;
    }
    text.parse().ok()
}

fn parse_offset(text: &str) -> Result<Offset, InvalidInstant> {
    let (sign, hours_minutes) = match text.as_bytes().first() {
        None => return Err(InvalidInstant::NoOffset),
        Some(b'Z' | b'z') if text.len() == 1 => return Ok(Offset::UTC),
        Some(b'+') => (1, &text[1..]),
        Some(b'-') => (-1, &text[1..]),
        Some(_) => return Err(InvalidInstant::Malformed),
    };
    if !has_form(hours_minutes, "00:00") {
        return Err(InvalidInstant::Malformed);
    }
    let number = |digits: &str| digits.parse().unwrap_or(i32::MAX);
    let (hours, minutes) = (number(&hours_minutes[..2]), number(&hours_minutes[3..]));
    if hours > 23 || minutes > 59 {
        return Err(InvalidInstant::Malformed);
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
        .map_err(|_| InvalidInstant::Malformed)
}

/// Whether `text` has digits where `form` has zeros, and the same characters elsewhere, in either case.
fn has_form(text: &str, form: &str) -> bool {
    let is_like = |(byte, expected): (u8, u8)| match expected {
        b'0' => byte.is_ascii_digit(),
        _ => byte.eq_ignore_ascii_case(&expected),
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_like)
}

fn leading_digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        parse_instant(text).expect(text)
    }

    #[test]
    fn an_instant_has_an_offset() {
        for (text, utc) in [
            ("2027-03-28T09:00:00Z", "2027-03-28T09:00:00Z"),
            ("2027-03-28t09:00:00z", "2027-03-28T09:00:00Z"),
            ("2027-03-28T09:00:00+02:00", "2027-03-28T07:00:00Z"),
            ("2027-03-28T09:00:00.5-03:30", "2027-03-28T12:30:00.5Z"),
            ("2027-03-28T09:00:00-00:00", "2027-03-28T09:00:00Z"),
            ("2027-01-01T00:00:00+23:59", "2026-12-31T00:01:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(instant(text).to_string(), utc, "{text}");
        }
        for text in [
            "2027-03-28T09:00:00",
            "2027-03-28T09:00:00.5",
            "2027-03-28T09:00:00.",
        ] {
            let error = parse_instant(text).expect_err(text);
            let expected = if text.ends_with('.') {
                InvalidInstant::Malformed
            } else {
                InvalidInstant::NoOffset
            };
            assert_eq!(error, expected, "{text}");
        }
    }

    #[test]
    fn digits_beyond_microseconds_are_cut_off() {
        for (text, utc) in [
            (
                "2027-03-28T09:00:00.1234569Z",
                "2027-03-28T09:00:00.123456Z",
            ),
            (
                "1960-03-28T09:00:00.999999999999Z",
                "1960-03-28T09:00:00.999999Z",
            ),
            ("2027-03-28T09:00:00.0000009Z", "2027-03-28T09:00:00Z"),
        ] {
            assert_eq!(instant(text).to_string(), utc, "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_last_second_of_its_minute() {
        let leap = instant("2016-12-31T23:59:60Z");
        assert_eq!(leap, instant("2016-12-31T23:59:59Z"));
        assert!(parse_instant("2016-12-31T23:59:61Z").is_err());
    }

    #[test]
    fn the_last_years_become_the_latest_instant() {
        let last = instant("9999-12-31T23:59:59Z");
        assert_eq!(last, instant("9999-12-31T00:00:00-23:59"));
        assert!(last > instant("9999-12-30T00:00:00Z"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "now",
            "2027-03-28",
            "2027-03-28T09:00Z",
            "2027-03-28 09:00:00Z",
            "20270328T090000Z",
            "2027-02-30T09:00:00Z",
            "2027-03-28T24:00:00Z",
            "2027-03-28T09:60:00Z",
            "2027-03-28T09:00:00+2",
            "2027-03-28T09:00:00+0200",
            "2027-03-28T09:00:00+24:00",
            "2027-03-28T09:00:00+02:60",
            "2027-03-28T09:00:00Zz",
            "2027-03-28T09:00:00+02:00[Europe/Berlin]",
            "+002027-03-28T09:00:00Z",
            "-009999-03-28T09:00:00Z",
            "2027-03-28T09:00:00,5Z",
            "2027-03-28T09:00:0０Z",
            "２027-03-28T09:00:00Z",
            " 2027-03-28T09:00:00Z",
            "1806220800",
        ] {
            assert_eq!(
                parse_instant(text),
                Err(InvalidInstant::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn the_seconds_of_a_local_time_are_optional() {
        assert_eq!(
            parse_local("2027-03-28T09:00"),
            parse_local("2027-03-28T09:00:00")
        );
        for text in [
            "2027-03-28T09",
            "2027-03-28T09:00Z",
            "2027-03-28T09:00:00.5",
            "2027-02-29T09:00",
            "2027-03-28T25:00",
        ] {
            assert_eq!(parse_local(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_never_a_panic(text: String) {
            let _ = parse_instant(&text);
            let _ = parse_local(&text);
        }

        #[test]
        fn damaged_instants_are_never_a_panic(at in 0usize..40, character: char) {
            let mut text: Vec<char> = "2027-03-28T09:00:60.1234567+02:00".chars().collect();
            let at = at % text.len();
            text[at] = character;
            let text: String = text.into_iter().collect();
            let _ = parse_instant(&text);
            let _ = parse_local(&text);
        }

        /// `jiff` parses a superset of RFC 3339.
        #[test]
        fn instants_are_parsed_as_they_are_formatted(
            micros in -62_135_596_800_000_000i64..253_402_200_000_000_000,
        ) {
            let instant = Timestamp::from_microsecond(micros).expect("in range");
            prop_assert_eq!(parse_instant(&instant.to_string()), Ok(instant));
        }
    }
}
