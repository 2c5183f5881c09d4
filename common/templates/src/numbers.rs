//! Numbers in variables.

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use tidings_domain::content::Object;

/// Serializes variables so that `1e3`, `1000.0` and `1000` are the same integer.
///
/// JSON knows one kind of number (RFC 8259 §6), and a table keeps its value (PostgreSQL, "JSON Types": `jsonb`
/// keeps no exponent). A preview, whose variables were never in the table, and a
/// message must render equally.
pub(super) struct ByValue<'a>(pub(super) &'a Object);

impl Serialize for ByValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Member(value))))
    }
}

struct Member<'a>(&'a Value);

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => as_integer(number)
                .unwrap_or_else(|| number.clone())
                .serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Member)),
            Value::Object(members) => ByValue(members).serialize(serializer),
            other => other.serialize(serializer),
        }
    }
}

/// The integer value of a number that has a fraction or an exponent, if it is an integer.
fn as_integer(number: &Number) -> Option<Number> {
    let float = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large becomes the largest, which Number does not take either"
    )]
    let integer = float as i128;
    Number::from_i128(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_equal_value_serialize_equally() {
        for (spelled, shown) in [
            ("1e3", "1000"),
            ("1000.0", "1000"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("-1E+18", "-1000000000000000000"),
            ("1e19", "10000000000000000000"),
            ("1.0e+25", "1e+25"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-1e19", "-1e+19"),
            ("1.50", "1.5"),
            ("15e-1", "1.5"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            let variables = format!(r#"{{"a": [{{"b": {spelled}}}], "c": "{spelled}"}}"#);
            let variables: Object = serde_json::from_str(&variables).expect("JSON");
            let json = serde_json::to_string(&ByValue(&variables)).expect("JSON");
            let expected = format!(r#"{{"a":[{{"b":{shown}}}],"c":"{spelled}"}}"#);
            assert_eq!(json, expected);
        }
    }
}
