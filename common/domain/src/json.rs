//! JSON values that keep every number digit for digit.
//!
//! `serde_json::Value` rounds numbers that are no 64-bit integers, and with the features of `serde_json` that keep them
//! (`raw_value`, `arbitrary_precision`), an object with a certain private key is read as something else. [`Json`] is
//! read by hand from texts ([`RawValue`]), which has neither problem.

mod canonical;
mod members;
mod number_literals;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

pub use canonical::write_canonical;
pub use members::{MemberName, Members, shown};
pub(crate) use number_literals::number_literals;

/// The deepest nesting, as in `serde_json`. Each level uses stack of the thread.
const MAX_DEPTH: usize = 127;

/// The largest exponent that is written out, about the range of `f64`, so that a short text cannot become a long one.
const MAX_EXPONENT: usize = 400;

/// The members of a JSON object.
pub type Object = BTreeMap<String, Json>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(JsonNumber),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object. Of members with the same name, the last one counts, as in `jsonb`.
    Object(Object),
}

/// A JSON number in the form that PostgreSQL's `jsonb` gives it: all digits, no exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonNumber(String);

/// The text is not JSON, or is nested too deeply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJson(String);

impl Json {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// Returns an error if `text` is not a JSON object.
    pub fn object(text: &str) -> Result<Object, InvalidJson> {
        match text.parse()? {
            Self::Object(members) => Ok(members),
            _ => Err(InvalidJson("it is not an object".to_owned())),
        }
    }

    /// The text, if the value is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Bytes of memory that the value occupies, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        let inside = match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(JsonNumber(text)) | Self::String(text) => text.capacity(),
            Self::Array(items) => items.iter().map(Self::memory).sum(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| size_of::<String>() + name.capacity() + value.memory())
                .sum(),
        };
        size_of::<Self>() + inside
    }

    fn read(raw: &RawValue, depth: usize) -> Result<Self, InvalidJson> {
        if depth > MAX_DEPTH {
            return Err(InvalidJson("it is nested too deeply".to_owned()));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text)?;
                let read = |(name, value): (Cow<'_, str>, _)| {
                    let value = Self::read(value, depth + 1)?;
                    Ok::<_, InvalidJson>((name.into_owned(), value))
                };
                Self::Object(members.into_iter().map(read).collect::<Result<_, _>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let read = |item| Self::read(item, depth + 1);
                Self::Array(items.into_iter().map(read).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't' | b'f') => Self::Bool(serde_json::from_str(text)?),
            Some(b'n') => Self::Null,
            _ => Self::Number(JsonNumber::of_literal(text)),
        })
    }
}

impl FromStr for Json {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(serde_json::from_str(text)?, 0)
    }
}

impl From<serde_json::Error> for InvalidJson {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl JsonNumber {
    /// Converts a valid literal: writes out the exponent, as PostgreSQL does ("8.14. JSON Types"), and keeps every digit.
    fn of_literal(literal: &str) -> Self {
        Self(written_out(literal).unwrap_or_else(|| literal.to_owned()))
    }

    /// All digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `None` if the exponent is too large.
fn written_out(literal: &str) -> Option<String> {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let shift = usize::try_from(exponent.unsigned_abs()).ok()?;
    if shift > MAX_EXPONENT {
        return None;
    }
    let (sign, digits) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = if exponent >= 0 {
        let (moved, rest) = fraction.split_at(shift.min(fraction.len()));
        let zeros = "0".repeat(shift - moved.len());
        (format!("{whole}{moved}{zeros}"), rest.to_owned())
    } else {
        let padded = format!("{}{whole}", "0".repeat(shift));
        let (rest, moved) = padded.split_at(padded.len() - shift);
        (rest.to_owned(), format!("{moved}{fraction}"))
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if is_zero { "" } else { sign };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

impl Serialize for JsonNumber {
    /// Writes the digits. Needs a serializer of `serde_json`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => serializer.collect_map(members),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl From<serde_json::Value> for Json {
    /// Converts a value whose numbers are rounded already.
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(JsonNumber::of_literal(&number.to_string())),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let member = |(name, value)| (name, Self::from(value));
                Self::Object(members.into_iter().map(member).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        text.parse::<Json>().expect(text).to_string()
    }

    #[test]
    fn many_small_values_occupy_more_memory_than_their_text() {
        let memory = |text: &str| text.parse::<Json>().expect(text).memory();
        assert!(memory(&format!("\"{}\"", "x".repeat(1000))) < 1100);
        let many = format!("[{}null]", "null,".repeat(999));
        assert!(memory(&many) >= 1000 * size_of::<Json>());
        let nested = r#"{"name":["one","two"]}"#;
        assert!(memory(nested) > memory("[\"one\",\"two\"]"));
    }

    #[test]
    fn numbers_have_the_digits_that_jsonb_has() {
        for (literal, digits) in [
            ("18446744073709551616", "18446744073709551616"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("10.10", "10.10"),
            ("1000.0", "1000.0"),
            ("1e3", "1000"),
            ("1.5E+3", "1500"),
            ("1.50e1", "15.0"),
            ("15e-1", "1.5"),
            ("1e-5", "0.00001"),
            ("-12.5e-3", "-0.0125"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("0e0", "0"),
            ("1e-20000", "1e-20000"),
        ] {
            assert_eq!(round_trip(literal), digits, "{literal}");
            assert_eq!(round_trip(digits), digits, "{digits}");
        }
    }

    #[test]
    fn an_object_with_a_private_key_of_the_parser_is_an_object() {
        for text in [
            r#"{"$serde_json::private::RawValue":"[1,2]"}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"a":[{"b":{"$serde_json::private::RawValue":"{"}}]}"#,
        ] {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn other_values_are_read_and_written() {
        let text = r#"{"a":[null,true,false,"\"ü\n",{}],"b":[]}"#;
        assert_eq!(round_trip(text), text);
        assert_eq!(round_trip(r#"{"a":1,"a":2}"#), r#"{"a":2}"#);
        for wrong in ["", "{", "[1,]", "nul", "{\"a\"}", "1 2"] {
            assert!(wrong.parse::<Json>().is_err(), "{wrong}");
        }
        assert!(Json::object("[]").is_err());
    }

    #[test]
    fn the_nesting_is_limited() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(nested(MAX_DEPTH).parse::<Json>().is_ok());
        for depth in [MAX_DEPTH + 2, 1_000] {
            assert!(nested(depth).parse::<Json>().is_err(), "{depth}");
        }
    }
}
