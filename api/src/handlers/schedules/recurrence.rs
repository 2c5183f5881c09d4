//! The fields that say when a schedule occurs.

use std::fmt::Display;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_domain::schedule::Grace;
use tidings_domain::time::{
    CronPattern, CronSchedule, InvalidCronPattern, InvalidCronSchedule, SendAt, Timezone,
    TimezoneRef,
};

use crate::error::{ApiError, ErrorDetail};
use crate::json_body::{ObjectReader, values};

/// The fields.
pub const FIELDS: [&str; 5] = ["cron", "timezone", "startsAt", "endsAt", "graceSecs"];

/// A pattern of the right form. One that never occurs has an error of its own, [`InvalidCronPattern::Never`].
pub type ReadPattern = Result<CronPattern, InvalidCronPattern>;

/// Reads a pattern.
pub fn pattern(value: &RawValue) -> Result<ReadPattern, String> {
    let pattern = values::string(value)?.parse();
    match pattern {
        Ok(_) | Err(InvalidCronPattern::Never) => Ok(pattern),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a time zone.
pub fn timezone(value: &RawValue) -> Result<Timezone, String> {
    let TimezoneRef::Named(timezone) = values::parsed(value)?;
    Ok(timezone)
}

/// Reads `startsAt` or `endsAt`, if it is present. `reader` holds the problems.
pub fn instant(reader: &mut ObjectReader<'_>, field: &str) -> Option<Timestamp> {
    let value = reader.value(field)?;
    let read = reader.merge(SendAt::read(value, field))?;
    let instant = read.instant();
    if instant.is_none() {
        reader.invalid(field, "is too far ahead");
    }
    instant
}

/// Reads a grace.
pub fn grace(value: &RawValue) -> Result<Grace, String> {
    value
        .get()
        .parse()
        .map_err(|error: <Grace as std::str::FromStr>::Err| error.to_string())
}

/// Combines the parts.
///
/// # Errors
///
/// Returns 400 `cron_never` if the pattern never occurs, and `ends_before_start`.
pub fn combine(
    pattern: ReadPattern,
    timezone: Timezone,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
) -> Result<CronSchedule, ApiError> {
    let pattern = pattern.map_err(|error| invalid(error.code(), "cron", &error))?;
    let combined = CronSchedule::new(pattern, timezone, starts_at, ends_at);
    combined.map_err(|error| invalid(error.code(), "endsAt", &error))
}

/// The 400 response for a schedule without an occurrence from now until it ends.
pub fn never() -> ApiError {
    let error = InvalidCronSchedule::Never;
    invalid(error.code(), "cron", &error)
}

fn invalid(code: &'static str, field: &str, error: &impl Display) -> ApiError {
    let details = vec![ErrorDetail::new(field, error.to_string())];
    ApiError::bad_request(code, format!("Invalid fields: {field}: {error}"), details)
}
