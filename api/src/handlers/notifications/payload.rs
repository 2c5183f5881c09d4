use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// JSON that PostgreSQL's `jsonb` can store; reading it as this checks it and keeps nothing.
///
/// Not every JSON text can be stored (PostgreSQL manual, 8.14): no U+0000, no half of a surrogate
/// pair; and `serde_json`'s own limits, 128 levels and the range of `f64`, keep clear of others.
/// Refused here, the client learns of it; accepted, it would become a dead letter.
pub struct Storable;

impl<'de> Deserialize<'de> for Storable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Check)
    }
}

struct Check;

impl<'de> Visitor<'de> for Check {
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

/// Why `payload` cannot be taken; `None` where it can.
pub fn problem(payload: &str) -> Option<String> {
    if !payload.starts_with('{') {
        return Some("must be a JSON object".to_owned());
    }
    let error = serde_json::from_str::<Storable>(payload).err()?;
    Some(format!("cannot be stored: {error}"))
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
            assert_eq!(problem(payload), None, "{payload}");
        }
    }

    #[test]
    fn what_jsonb_refuses_is_refused() {
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
            assert!(problem(payload).is_some(), "{payload}");
        }
    }
}
