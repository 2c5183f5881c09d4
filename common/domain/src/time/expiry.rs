//! `expiresAt` and `ttlSecs`: when a notification that was not sent yet becomes useless.

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::parse_instant;
use crate::content::{FieldProblem, FieldProblems};

/// The largest `ttlSecs`: 366 days.
pub const MAX_TTL_SECS: u32 = 366 * 24 * 3600;

/// When a notification that was not sent yet expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At an instant (`expiresAt`).
    At(Timestamp),
    /// This many seconds after `sendAt`, or after acceptance without `sendAt` (`ttlSecs`).
    After(u32),
}

impl Expiry {
    /// Reads the JSON values of `expiresAt` (RFC 3339 with offset) and `ttlSecs` (1 to [`MAX_TTL_SECS`]).
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the values, by field. Only one of them may be given.
    pub fn read(
        expires_at: Option<&RawValue>,
        ttl_secs: Option<&RawValue>,
    ) -> Result<Option<Self>, Vec<FieldProblem>> {
        let mut problems = FieldProblems::default();
        let at = expires_at.and_then(|value| problems.check("expiresAt", instant(value)));
        let after = ttl_secs.and_then(|value| problems.check("ttlSecs", seconds(value)));
        if expires_at.is_some() && ttl_secs.is_some() {
            problems.invalid("ttlSecs", "must not be given together with expiresAt");
        }
        if !problems.is_empty() {
            return Err(problems.into_vec());
        }
        Ok(at.map(Self::At).or(after.map(Self::After)))
    }

    /// The instant of the expiry of a notification that is to be sent at `send_at`.
    #[must_use]
    pub fn instant(self, send_at: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::After(seconds) => send_at
                .checked_add(SignedDuration::from_secs(i64::from(seconds)))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

fn instant(value: &RawValue) -> Result<Timestamp, String> {
    let text: String =
        serde_json::from_str(value.get()).map_err(|_| "must be a string".to_owned())?;
    parse_instant(&text).map_err(|error| error.to_string())
}

fn seconds(value: &RawValue) -> Result<u32, String> {
    let seconds = value.get().parse().ok();
    seconds
        .filter(|seconds| (1..=MAX_TTL_SECS).contains(seconds))
        .ok_or_else(|| format!("must be a whole number of seconds from 1 to {MAX_TTL_SECS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        expires_at: Option<&str>,
        ttl_secs: Option<&str>,
    ) -> Result<Option<Expiry>, Vec<String>> {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).expect("JSON");
        let [expires_at, ttl_secs] = [expires_at, ttl_secs].map(|json| json.map(raw));
        Expiry::read(expires_at.as_deref(), ttl_secs.as_deref()).map_err(|problems| {
            let fields = problems.into_iter().map(|problem| problem.field);
            fields.collect()
        })
    }

    #[test]
    fn an_expiry_is_an_instant_or_a_number_of_seconds() {
        let instant = "2027-03-28T07:00:00Z".parse().expect("an instant");
        let text = Some(r#""2027-03-28T09:00:00+02:00""#);
        assert_eq!(read(text, None), Ok(Some(Expiry::At(instant))));
        assert_eq!(read(None, Some("60")), Ok(Some(Expiry::After(60))));
        assert_eq!(read(None, None), Ok(None));
        for seconds in ["1", "31622400"] {
            assert!(read(None, Some(seconds)).is_ok(), "{seconds}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for seconds in [
            "0",
            "-1",
            "-0",
            "1.5",
            "60.0",
            "6e1",
            "31622401",
            "99999999999999999999",
            "\"60\"",
            "true",
            "[]",
        ] {
            assert_eq!(read(None, Some(seconds)), Err(vec!["ttlSecs".to_owned()]));
        }
        for instant in ["7", r#""2027-03-28T09:00:00""#, r#""tomorrow""#, "{}"] {
            assert_eq!(read(Some(instant), None), Err(vec!["expiresAt".to_owned()]));
        }
    }

    #[test]
    fn only_one_of_them_may_be_given() {
        let both = read(Some(r#""2027-03-28T09:00:00Z""#), Some("60"));
        assert_eq!(both, Err(vec!["ttlSecs".to_owned()]));
    }

    #[test]
    fn seconds_count_from_the_time_of_sending() {
        let send_at: Timestamp = "2027-03-28T07:00:00Z".parse().expect("an instant");
        let expires_at = Expiry::After(90).instant(send_at);
        assert_eq!(expires_at.to_string(), "2027-03-28T07:01:30Z");
        assert_eq!(Expiry::After(1).instant(Timestamp::MAX), Timestamp::MAX);
    }
}
