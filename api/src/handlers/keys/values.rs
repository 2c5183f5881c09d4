//! The values of the fields of keys.

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_domain::access::{Scope, Scopes};
use tidings_domain::time::parse_instant;

use crate::json_body::values;

/// The largest limit of requests a minute.
pub const MAX_RATE: u32 = 1_000_000;

/// What is wrong with scopes that a key of a user cannot have.
pub const NOT_OF_USER: &str = "a key of a user may only have scopes about this user: notifications:send, notifications:read, contacts:write, schedules:write, inbox, preferences:write";

/// Reads a list of scopes.
pub fn scopes(value: &RawValue) -> Result<Scopes, String> {
    let wrong = || {
        let all = Scope::ALL.map(Scope::as_str).join(", ");
        format!("must be a list of at least one of {all}")
    };
    let names: Vec<String> = serde_json::from_str(value.get()).map_err(|_| wrong())?;
    let parsed = names.iter().map(|name| name.parse::<Scope>());
    let scopes: Scopes = parsed.collect::<Result<_, _>>().map_err(|_| wrong())?;
    if scopes == Scopes::NONE {
        return Err(wrong());
    }
    Ok(scopes)
}

/// Reads a number of requests a minute.
pub fn rate(value: &RawValue) -> Result<u32, String> {
    whole_number(value, 1, MAX_RATE)
}

/// Reads a time after `now`.
pub fn expiry(now: Timestamp) -> impl FnOnce(&RawValue) -> Result<Timestamp, String> {
    move |value| {
        let time = parse_instant(&values::string(value)?).map_err(|error| error.to_string())?;
        if time <= now {
            return Err("must be in the future".to_owned());
        }
        Ok(time)
    }
}

/// Reads a whole number of a range.
pub fn whole_number(value: &RawValue, min: u32, max: u32) -> Result<u32, String> {
    let number = serde_json::from_str(value.get()).ok();
    let valid = number.filter(|number| (min..=max).contains(number));
    valid.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}
