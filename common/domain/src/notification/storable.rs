//! Checks that a payload can be stored in PostgreSQL.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::number_literals;

/// JSON that `jsonb` of PostgreSQL can store. Deserializing into this type only checks the JSON.
///
/// `jsonb` cannot store U+0000 and single surrogates (PostgreSQL manual, 8.14). The limits of `serde_json`, 128 levels
/// and the range of `f64`, avoid other limits. The API refuses such a payload; otherwise it would become a dead letter.
struct Storable;

impl<'de> Deserialize<'de> for Storable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StorableVisitor)
    }
}

struct StorableVisitor;

impl<'de> Visitor<'de> for StorableVisitor {
    type Value = Storable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON that can be stored")
    }

    fn visit_unit<E>(self) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Storable, E> {
        if text.contains('\0') {
            return Err(E::custom("text must not contain U+0000"));
        }
        Ok(Storable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Storable, A::Error> {
        while seq.next_element::<Storable>()?.is_some() {}
        Ok(Storable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Storable, A::Error> {
        while map.next_entry::<Storable, Storable>()?.is_some() {}
        Ok(Storable)
    }
}

/// Why `payload` cannot be stored, or `None` if it can. The message continues "payload …".
#[must_use]
pub fn payload_problem(payload: &str) -> Option<String> {
    if !payload.starts_with('{') {
        return Some("must be a JSON object".to_owned());
    }
    if let Err(error) = serde_json::from_str::<Storable>(payload) {
        return Some(format!("cannot be stored: {error}"));
    }
    if let Some(too_fine) = number_literals(payload).find(|number| !fits_numeric(number)) {
        let shown: String = too_fine.chars().take(40).collect();
        return Some(format!(
            "cannot be stored: the number {shown} has too many digits or too large an exponent"
        ));
    }
    let added: u64 = number_literals(payload)
        .map(|number| exponent(number).map_or(0, i64::unsigned_abs))
        .sum();
    (added > MAX_ADDED_DIGITS).then(|| {
        format!(
            "cannot be stored: without their exponents, its numbers would have {added} more digits; \
             at most {MAX_ADDED_DIGITS} are allowed"
        )
    })
}

/// Most digits that the numbers of a payload may gain when `jsonb` writes them without exponents: `1e-9999` becomes 10,000
/// digits, so that a payload of 64 KiB could become one of 80 MB.
const MAX_ADDED_DIGITS: u64 = 65_536;

/// Whether `numeric` of PostgreSQL can store a number in the range of `f64`: at most 16,383 digits after the decimal
/// point (PostgreSQL manual, table 8.2).
fn fits_numeric(number: &str) -> bool {
    const MAX_DIGITS: i64 = 16_383;
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let fraction = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let (Some(exponent), Ok(fraction)) = (exponent(number), i64::try_from(fraction)) else {
        return false;
    };
    (-MAX_DIGITS..=MAX_DIGITS).contains(&exponent)
        && fraction - exponent <= MAX_DIGITS
        && fraction <= MAX_DIGITS
}

/// The exponent of a number, 0 if it has none; `None` if it exceeds 64 bits.
fn exponent(number: &str) -> Option<i64> {
    number
        .split_once(['e', 'E'])
        .map_or(Some(0), |(_, exponent)| exponent.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_objects_can_be_stored() {
        for payload in [
            "{}",
            r#"{"a": [1, -2.5e3, true, null, "text \ud83d\ude00"], "b": {"c": ""}}"#,
        ] {
            assert_eq!(payload_problem(payload), None, "{payload}");
        }
    }

    #[test]
    fn numbers_with_more_decimals_than_numeric_stores_are_refused() {
        let long = format!("0.{}1", "0".repeat(20_000));
        for number in [
            "1e-20000",
            "0e999999999999",
            "1e-999999999999999999999",
            &long,
        ] {
            assert!(
                payload_problem(&format!("{{\"a\": [{number}]}}")).is_some(),
                "{number}"
            );
        }
        for number in [
            "1e-300",
            "0.000001",
            "123456789012345678901234567890",
            "1E+300",
            "-0.0",
        ] {
            assert_eq!(payload_problem(&format!("{{\"a\": {number}}}")), None);
        }
    }

    #[test]
    fn numbers_that_become_too_long_without_their_exponents_are_refused() {
        let payload = |count| format!("{{\"a\": [{}]}}", vec!["1e-1024"; count].join(","));
        assert_eq!(payload_problem(&payload(64)), None);
        let problem = payload_problem(&payload(65)).expect("a problem");
        assert!(problem.contains("66560 more digits"), "{problem}");
    }

    #[test]
    fn json_that_jsonb_refuses_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for payload in [
            "[]",
            "\"text\"",
            r#"{"a": "\u0000"}"#,
            r#"{"\u0000": 1}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": 1e999}"#,
            &deep,
        ] {
            assert!(payload_problem(payload).is_some(), "{payload}");
        }
    }
}
