//! `sendAt`: when a notification is to be sent.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::instant::parse_local;
use super::{InvalidTimezone, TimezoneRef, parse_instant};
use crate::content::{FieldProblem, FieldProblems};
use crate::json::{Members, shown};

const WRONG_TYPE: &str = "must be a date and time with offset, such as 2027-03-28T09:00:00+02:00, or an object with \
                          local and timezone";

/// When a notification is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendAt {
    /// An instant: `"2027-03-28T09:00:00+02:00"`.
    Instant(Timestamp),
    /// A local time: `{"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}`.
    Local {
        /// The date and time.
        local: DateTime,
        /// The time zone.
        timezone: TimezoneRef,
    },
}

/// `sendAt` is further ahead than `SCHEDULE_MAX_DAYS` allows. The message continues "sendAt …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {max_days} days ahead")]
pub struct SendAtTooFar {
    /// The limit.
    pub max_days: u32,
}

impl SendAtTooFar {
    /// The code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "send_at_too_far"
    }
}

impl SendAt {
    /// Reads the JSON value of `field`: a string (RFC 3339 with offset) or an object with `local` and `timezone`.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the value, by field, such as `sendAt.timezone`.
    pub fn read(value: &RawValue, field: &str) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = FieldProblems::default();
        let read = if value.get().starts_with('{') {
            Self::read_local(value, field, &mut problems)
        } else if let Ok(text) = serde_json::from_str::<String>(value.get()) {
            problems
                .check(field, parse_instant(&text))
                .map(Self::Instant)
        } else {
            problems.invalid(field, WRONG_TYPE);
            None
        };
        read.filter(|_| problems.is_empty())
            .ok_or_else(|| problems.into_vec())
    }

    fn read_local(value: &RawValue, field: &str, problems: &mut FieldProblems) -> Option<Self> {
        let Ok(members) = serde_json::from_str::<Members>(value.get()) else {
            problems.invalid(field, WRONG_TYPE);
            return None;
        };
        let known = ["local", "timezone"];
        for (index, (name, _)) in members.0.iter().enumerate() {
            let path = format!("{field}.{}", shown(name));
            if !known.contains(&name.as_ref()) {
                problems.unknown(path, field);
            } else if members.0[..index]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                problems.repeated(path);
            }
        }
        let [local, timezone] = known.map(|name| {
            let path = format!("{field}.{name}");
            let Some(value) = members.get(name) else {
                problems.missing(path);
                return None;
            };
            let text = serde_json::from_str::<String>(value.get());
            problems.check(&path, text.map_err(|_| "must be a string"))
        });
        let local = local.and_then(|text| {
            let local = parse_local(&text);
            let expected = "must be a local date and time without offset, such as 2027-03-28T09:00";
            problems.check(&format!("{field}.local"), local.ok_or(expected))
        });
        let timezone = timezone.and_then(|text| {
            let timezone: Result<TimezoneRef, InvalidTimezone> = text.parse();
            problems.check(&format!("{field}.timezone"), timezone)
        });
        Some(Self::Local {
            local: local?,
            timezone: timezone?,
        })
    }

    /// The instant. A local time follows the rules of [`Timezone::instant`](super::Timezone::instant).
    ///
    /// Returns `None` if [`Timestamp`] cannot represent the instant, which is so at the end of the year 9999.
    #[must_use]
    pub fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(*instant),
            Self::Local {
                local,
                timezone: TimezoneRef::Named(timezone),
            } => timezone.instant(*local),
        }
    }

    /// The instant before which the notification must not be sent. Returns `None` if it may be sent at once, because the
    /// instant is not after `now`.
    ///
    /// # Errors
    ///
    /// Returns an error if the instant is more than `max_days` days of 24 hours after `now` (`SCHEDULE_MAX_DAYS`).
    pub fn not_before(
        &self,
        now: Timestamp,
        max_days: u32,
    ) -> Result<Option<Timestamp>, SendAtTooFar> {
        let too_far = SendAtTooFar { max_days };
        let instant = self.instant().ok_or(too_far)?;
        if now.duration_until(instant) > SignedDuration::from_hours(24 * i64::from(max_days)) {
            return Err(too_far);
        }
        Ok(Some(instant).filter(|instant| *instant > now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::content::ProblemKind;

    fn read(json: &str) -> Result<SendAt, Vec<FieldProblem>> {
        SendAt::read(serde_json::from_str(json).expect(json), "sendAt")
    }

    fn instant(json: &str) -> String {
        let instant = read(json).expect(json).instant();
        instant.expect("in range").to_string()
    }

    fn timestamp(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn an_instant_or_a_local_time_is_read() {
        for json in [
            r#""2027-03-28T09:00:00+02:00""#,
            r#"{"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}"#,
            r#"{"timez\u006fne": "europe/berlin", "local": "2027-03-28T09:00:00"}"#,
        ] {
            assert_eq!(instant(json), "2027-03-28T07:00:00Z", "{json}");
        }
    }

    #[test]
    fn a_skipped_or_repeated_local_time_has_one_instant() {
        let skipped = r#"{"local": "2027-03-28T02:30", "timezone": "Europe/Berlin"}"#;
        assert_eq!(instant(skipped), "2027-03-28T01:00:00Z");
        let repeated = r#"{"local": "2027-10-31T02:30", "timezone": "Europe/Berlin"}"#;
        assert_eq!(instant(repeated), "2027-10-31T00:30:00Z");
    }

    #[rstest]
    #[case(r#""2027-03-28T09:00""#, &["sendAt"], "must be a date and time with offset")]
    #[case(r#""2027-03-28T09:00:00""#, &["sendAt"], "needs an offset from UTC")]
    #[case(r#""""#, &["sendAt"], "must be a date and time with offset")]
    #[case("1806220800", &["sendAt"], "or an object with local and timezone")]
    #[case("true", &["sendAt"], "or an object with local and timezone")]
    #[case("[]", &["sendAt"], "or an object with local and timezone")]
    #[case(r#"{"local": 7, "timezone": "UTC"}"#, &["sendAt.local"], "must be a string")]
    #[case(r#"{"local": "2027-03-28T09:00Z", "timezone": "UTC"}"#, &["sendAt.local"], "without offset")]
    #[case(r#"{"local": "2027-03-28T09:00", "timezone": null}"#, &["sendAt.timezone"], "must be a string")]
    #[case(r#"{"local": "2027-03-28T09:00", "timezone": "Mars"}"#, &["sendAt.timezone"], "IANA")]
    #[case(r#"{"local": "2027-03-28T09:00", "timezone": "user"}"#, &["sendAt.timezone"], "not supported")]
    fn a_wrong_value_is_refused(
        #[case] json: &str,
        #[case] fields: &[&str],
        #[case] message: &str,
    ) {
        let problems = read(json).expect_err(json);
        let found: Vec<_> = problems.iter().map(|problem| &problem.field).collect();
        assert_eq!(found, fields);
        assert!(problems[0].message.contains(message), "{problems:?}");
        assert_eq!(problems[0].kind, ProblemKind::Invalid);
    }

    #[test]
    fn everything_that_is_wrong_with_an_object_is_reported() {
        let json = format!(
            r#"{{"zone": 1, "local": "x", "local": "y", "{}": 2}}"#,
            "n".repeat(500)
        );
        let found: Vec<_> = read(&json)
            .expect_err("wrong")
            .into_iter()
            .map(|problem| (problem.kind, problem.field))
            .collect();
        let long = format!("sendAt.{}", "n".repeat(100));
        let expected = [
            (ProblemKind::Unknown, "sendAt.zone"),
            (ProblemKind::Repeated, "sendAt.local"),
            (ProblemKind::Unknown, &long),
            (ProblemKind::Missing, "sendAt.timezone"),
            (ProblemKind::Invalid, "sendAt.local"),
        ];
        assert_eq!(
            found,
            expected.map(|(kind, field)| (kind, field.to_owned()))
        );
        let missing = read("{}").expect_err("missing");
        assert_eq!(missing.len(), 2);
    }

    #[test]
    fn the_distance_is_limited() {
        let now = timestamp("2027-01-01T00:00:00Z");
        let limit = "2028-01-02T00:00:00Z";
        let at_limit = SendAt::Instant(timestamp(limit));
        assert_eq!(at_limit.not_before(now, 366), Ok(Some(timestamp(limit))));
        let beyond = SendAt::Instant(timestamp("2028-01-02T00:00:00.000001Z"));
        let error = beyond.not_before(now, 366).expect_err("too far");
        assert_eq!(error.code(), "send_at_too_far");
        assert_eq!(error.to_string(), "must be at most 366 days ahead");
    }

    #[test]
    fn an_instant_in_the_past_means_now() {
        let now = timestamp("2027-01-01T00:00:00Z");
        for past in [
            "2027-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            let send_at = SendAt::Instant(timestamp(past));
            assert_eq!(send_at.not_before(now, 0), Ok(None), "{past}");
        }
    }

    #[test]
    fn the_last_years_are_too_far() {
        let now = timestamp("2027-01-01T00:00:00Z");
        for json in [
            r#""9999-12-31T23:59:60-12:00""#,
            r#"{"local": "9999-12-31T23:59:60", "timezone": "America/New_York"}"#,
        ] {
            let send_at = read(json).expect(json);
            assert!(send_at.not_before(now, 366).is_err(), "{json}");
        }
        let any = SendAt::Instant(Timestamp::MAX);
        assert!(any.not_before(Timestamp::MIN, u32::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn damaged_values_are_never_a_panic(at in 0usize..100, character: char) {
            for json in [
                r#""2027-03-28T09:00:00+02:00""#,
                r#"{"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}"#,
            ] {
                let mut json: Vec<char> = json.chars().collect();
                let at = at % json.len();
                json[at] = character;
                let json: String = json.into_iter().collect();
                if let Ok(value) = serde_json::from_str::<&RawValue>(&json) {
                    let _ = SendAt::read(value, "sendAt").map(|send_at| send_at.instant());
                }
            }
        }
    }
}
