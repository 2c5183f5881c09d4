//! The canonical form of JSON: two texts with the same value have the same form.
//!
//! - No white space. The members of an object are sorted by the bytes of their names; of members with the same name, the
//!   last one counts, as in `jsonb`.
//! - A string is written with the fewest escapes. Unicode is not normalized: another sequence of characters is another
//!   text.
//! - A number is written as its significant digits and, unless it is 0, its exponent of ten: `1.50`, `15e-1` and `0.15E1`
//!   are `15e-1`. No digit is rounded, unlike in RFC 8785, which reads numbers as `f64`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::members::MemberName;
use super::number_literals;

/// Appends the canonical form of the JSON text `json`. A text that `serde_json` cannot read is appended as it is.
pub fn write_canonical(json: &str, out: &mut Vec<u8>) {
    let start = out.len();
    let mut writer = Writer {
        literals: number_literals(json),
        out,
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let written = writer.deserialize(&mut deserializer);
    if written.and_then(|()| deserializer.end()).is_err() {
        out.truncate(start);
        out.extend_from_slice(json.as_bytes());
    }
}

/// Writes one value. The parser rounds numbers; `literals` are their texts, in the order in which the parser finds them.
struct Writer<'o, L> {
    literals: L,
    out: &'o mut Vec<u8>,
}

impl<'j, L: Iterator<Item = &'j str>> Writer<'_, L> {
    fn write_number(&mut self, rounded: impl fmt::Display) {
        // A valid text has a literal for every number.
        let number = self
            .literals
            .next()
            .map_or_else(|| rounded.to_string(), canonical_number);
        self.out.extend_from_slice(number.as_bytes());
    }

    fn write_string(&mut self, text: &str) {
        // Writing a string into memory cannot fail.
        let written = serde_json::to_writer(&mut *self.out, text);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// Replaces the values from `start` on by an object with these members.
    fn write_object(&mut self, start: usize, mut members: Vec<(Cow<'_, str>, Range<usize>)>) {
        let values = self.out.split_off(start);
        // Stable: members with the same name keep their order.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.out.push(b'{');
        let is_last = |place: usize| {
            let next = members.get(place + 1);
            next.is_none_or(|(name, _)| *name != members[place].0)
        };
        let kept = (0..members.len()).filter(|place| is_last(*place));
        for (nth, place) in kept.enumerate() {
            let (name, value) = &members[place];
            if nth > 0 {
                self.out.push(b',');
            }
            self.write_string(name);
            self.out.push(b':');
            self.out.extend_from_slice(&values[value.clone()]);
        }
        self.out.push(b'}');
    }
}

impl<'de, 'j, L: Iterator<Item = &'j str>> DeserializeSeed<'de> for &mut Writer<'_, L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'j, L: Iterator<Item = &'j str>> Visitor<'de> for &mut Writer<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn visit_i64<E>(self, rounded: i64) -> Result<(), E> {
        self.write_number(rounded);
        Ok(())
    }

    fn visit_u64<E>(self, rounded: u64) -> Result<(), E> {
        self.write_number(rounded);
        Ok(())
    }

    fn visit_f64<E>(self, rounded: f64) -> Result<(), E> {
        self.write_number(rounded);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.write_string(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        let first = self.out.len();
        loop {
            let end = self.out.len();
            if end > first {
                self.out.push(b',');
            }
            if seq.next_element_seed(&mut *self)?.is_none() {
                self.out.truncate(end);
                self.out.push(b']');
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let start = self.out.len();
        let mut members = Vec::new();
        while let Some(MemberName(name)) = map.next_key()? {
            let value = self.out.len();
            map.next_value_seed(&mut *self)?;
            members.push((name, value - start..self.out.len() - start));
        }
        self.write_object(start, members);
        Ok(())
    }
}

/// The canonical form of a number literal. A literal whose exponent exceeds 64 bits stays as it is.
fn canonical_number(literal: &str) -> String {
    significant(literal).unwrap_or_else(|| literal.to_owned())
}

fn significant(literal: &str) -> Option<String> {
    let (sign, unsigned) = literal
        .strip_prefix('-')
        .map_or(("", literal), |unsigned| ("-", unsigned));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let exponent = exponent
        .parse::<i64>()
        .ok()?
        .checked_sub_unsigned(u64::try_from(fraction.len()).ok()?)?
        .checked_add_unsigned(u64::try_from(zeros).ok()?)?;
    Some(match exponent {
        0 => format!("{sign}{digits}"),
        _ => format!("{sign}{digits}e{exponent}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn canonical(json: &str) -> String {
        let mut out = b"before ".to_vec();
        write_canonical(json, &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        text.strip_prefix("before ").expect("appended").to_owned()
    }

    #[test]
    fn members_are_sorted_at_every_level_and_white_space_is_left_out() {
        let text = r#" { "b" : [ { "y" : 1 , "x" : [ ] } , { } ] , "a" : null , "" : true } "#;
        let expected = r#"{"":true,"a":null,"b":[{"x":[],"y":1},{}]}"#;
        assert_eq!(canonical(text), expected);
        assert_eq!(canonical(expected), expected);
        assert_eq!(canonical("[ 1 , [ 2 ] , false ]"), "[1,[2],false]");
    }

    #[test]
    fn of_members_with_the_same_name_the_last_one_counts() {
        assert_eq!(
            canonical(r#"{"a":1,"b":2,"\u0061":[3],"a":4}"#),
            r#"{"a":4,"b":2}"#
        );
    }

    #[test]
    fn numbers_with_the_same_value_have_the_same_form_and_others_do_not() {
        for (literals, form) in [
            (vec!["0", "-0", "0.0", "0e5", "-0.000E-7"], "0"),
            (vec!["1", "1.0", "1e0", "10e-1", "0.1E+1"], "1"),
            (vec!["100", "1e2", "1.00E2"], "1e2"),
            (vec!["-1.5", "-1.50", "-15e-1"], "-15e-1"),
            (vec!["18446744073709551616"], "18446744073709551616"),
            (vec!["18446744073709551617"], "18446744073709551617"),
            (
                vec!["0.1000000000000000000001"],
                "1000000000000000000001e-22",
            ),
        ] {
            for literal in literals {
                assert_eq!(canonical(literal), form, "{literal}");
            }
        }
    }

    #[test]
    fn strings_have_one_spelling_and_are_not_normalized() {
        assert_eq!(canonical(r#""\u00fc\/\u000a\uD83D\uDE00""#), "\"ü/\\n😀\"");
        assert_eq!(canonical("\"ü 1.0 {\\\"\""), "\"ü 1.0 {\\\"\"");
        assert_ne!(canonical("\"ü\""), canonical("\"u\u{308}\""));
    }

    #[test]
    fn a_text_that_cannot_be_read_stays_as_it_is() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            "",
            "{\"b\": 1, \"a\"",
            "[1e999, 2]",
            "\"\\ud800\"",
            "1 2",
            &deep,
        ] {
            assert_eq!(canonical(text), text);
        }
    }

    /// Arbitrary JSON without floating-point numbers, whose text does not say how many digits were meant.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,3}", inner, 0..6)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    /// Writes a value with its members in reverse order, and with white space.
    fn reversed(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev();
                let written = members.map(|(name, value)| {
                    format!("{} : {}", Value::from(name.as_str()), reversed(value))
                });
                format!("{{ {} }}", written.collect::<Vec<_>>().join(" ,\n"))
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(reversed).collect();
                format!("[ {} ]", items.join(" , "))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_members_and_white_space_do_not_matter(value in json()) {
            let text = canonical(&value.to_string());
            prop_assert_eq!(&canonical(&reversed(&value)), &text);
            prop_assert_eq!(&canonical(&text), &text, "canonical");
        }

        #[test]
        fn different_values_have_different_forms(one in json(), other in json()) {
            let same = canonical(&one.to_string()) == canonical(&other.to_string());
            prop_assert_eq!(same, one == other);
        }

        #[test]
        fn arbitrary_texts_are_never_a_panic(text in ".*") {
            canonical(&text);
        }
    }
}
