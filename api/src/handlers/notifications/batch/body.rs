use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tidings_domain::content::FieldProblems;

use crate::error::ApiError;
use crate::json_body::{BODY, Name, check, not_an_object, shown};

/// The one field of a batch.
const FIELD: &str = "notifications";

/// How many notifications one batch may bring.
pub const MAX_ITEMS: usize = 1000;

/// Reads a batch's body: its items in their order, unread.
///
/// However the body is made, no more is kept of it than that many items and the mistakes that are told.
///
/// # Errors
///
/// 400 where it is no object with a list of 1 to [`MAX_ITEMS`] items.
pub fn items(body: &[u8]) -> Result<Vec<&RawValue>, ApiError> {
    let Outline { list, mut problems } =
        serde_json::from_slice(body).map_err(|error| not_an_object(&error, BODY))?;
    let wrong = match &list {
        Some(List::Items(items)) if items.is_empty() => Some("must not be empty".to_owned()),
        Some(List::Items(_)) => None,
        Some(List::TooLong) => Some(format!("must have at most {MAX_ITEMS} items")),
        Some(List::None) => Some("must be a list of notifications".to_owned()),
        None => {
            problems.missing(FIELD);
            None
        }
    };
    if let Some(wrong) = wrong {
        problems.invalid(FIELD, wrong);
    }
    check(problems)?;
    match list {
        Some(List::Items(items)) => Ok(items),
        _ => Err(ApiError::internal("a list that is none was no problem")),
    }
}

/// A batch's body, as far as it is kept.
struct Outline<'a> {
    list: Option<List<'a>>,
    problems: FieldProblems,
}

/// What stands where the list of items should.
enum List<'a> {
    Items(Vec<&'a RawValue>),
    TooLong,
    None,
}

impl<'de: 'a, 'a> Deserialize<'de> for Outline<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Draw;

        impl<'de> Visitor<'de> for Draw {
            type Value = Outline<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
                let (mut list, mut problems) = (None, FieldProblems::default());
                while let Some(Name(name)) = map.next_key()? {
                    if name == FIELD && list.is_none() {
                        list = Some(map.next_value()?);
                        continue;
                    }
                    if name == FIELD {
                        problems.repeated(FIELD);
                    } else {
                        problems.unknown(shown(&name), "batch");
                    }
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(Outline { list, problems })
            }
        }

        deserializer.deserialize_map(Draw)
    }
}

/// The values that are no list and have no parts.
macro_rules! no_list {
    ($($visit:ident: $value:ty),*) => {
        $(fn $visit<E>(self, _: $value) -> Result<List<'de>, E> {
            Ok(List::None)
        })*
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = List<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX_ITEMS {
                    match seq.next_element::<&'de RawValue>()? {
                        Some(item) => items.push(item),
                        None => return Ok(List::Items(items)),
                    }
                }
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(List::Items(items));
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(List::TooLong)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<'de>, A::Error> {
                IgnoredAny.visit_map(map).map(|_| List::None)
            }

            fn visit_unit<E>(self) -> Result<List<'de>, E> {
                Ok(List::None)
            }

            no_list! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str }
        }

        deserializer.deserialize_any(Collect)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> (&'static str, String) {
        let error = items(body.as_bytes()).expect_err(body);
        (error.code, error.message)
    }

    fn of(count: usize) -> String {
        format!(r#"{{"notifications": [{}]}}"#, vec!["{}"; count].join(", "))
    }

    #[test]
    fn items_are_found_as_they_were_sent() {
        let body = br#" {"notifi\u0063ations": [ {"a":  1}, 7,[2] ,"x\u0000"]} "#;
        let texts: Vec<_> = items(body)
            .expect("a batch")
            .into_iter()
            .map(RawValue::get)
            .collect();
        assert_eq!(texts, [r#"{"a":  1}"#, "7", "[2]", r#""x\u0000""#]);
    }

    #[test]
    fn a_batch_has_1_to_1000_items() {
        for count in [1, 999, 1000] {
            assert_eq!(items(of(count).as_bytes()).expect("a batch").len(), count);
        }
        for (count, wrong) in [(0, "empty"), (1001, "at most 1000"), (5000, "at most 1000")] {
            let error = items(of(count).as_bytes()).expect_err("refused");
            assert_eq!(error.code, "invalid_fields");
            assert_eq!(error.details[0].field, "notifications");
            assert!(error.details[0].message.contains(wrong), "{error:?}");
        }
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for body in [
            "",
            "[]",
            "7",
            "{",
            "null",
            r#"{"notifications": [{}"#,
            r#"{"notifications": [{}]} {}"#,
        ] {
            assert_eq!(refused(body).0, "invalid_json", "{body}");
        }
        for list in [
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            r#""[]""#,
            "{}",
            r#"{"a": [{}]}"#,
        ] {
            let body = format!(r#"{{"notifications": {list}}}"#);
            assert_eq!(refused(&body).0, "invalid_fields", "{body}");
        }
        assert_eq!(refused("{}").0, "missing_fields");
    }

    #[test]
    fn unknown_and_repeated_fields_are_named() {
        let body = r#"{"notifications": [{}], "color": [1], "notifications": 7}"#;
        let (code, message) = refused(body);
        assert_eq!(code, "invalid_request");
        assert_eq!(
            message,
            "Unknown fields: color. Repeated fields: notifications"
        );
    }

    #[test]
    fn of_many_mistakes_only_some_are_kept() {
        let members: Vec<_> = (0..100_000).map(|n| format!(r#""{n}":0"#)).collect();
        let error = items(format!("{{{}}}", members.join(",")).as_bytes()).expect_err("refused");
        assert_eq!(error.details.len(), crate::error::MAX_DETAILS);
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let deep =
            |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
        let arrays = deep("[", "]");
        let body = format!(
            r#"{{"notifications": [{arrays}, {}]}}"#,
            deep(r#"{"a":"#, "}").replace(":}", ":0}")
        );
        assert_eq!(items(body.as_bytes()).expect("a batch").len(), 2);
        let (code, _) = refused(&format!(r#"{{"notifications": [{{}}], "a": {arrays}}}"#));
        assert_eq!(code, "unknown_fields");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
            let _ = items(&body);
        }

        /// Cuts and changes of a right body reach the later stages.
        #[test]
        fn damaged_bodies_are_never_a_panic(at in 0usize..100, byte: u8, cut: bool) {
            let mut body = br#"{"notifications": [{"a": "\ud83d\ude00"}, [1e5], null], "x": {"y": 1}}"#.to_vec();
            let at = at % body.len();
            if cut { body.truncate(at) } else { body[at] = byte }
            if let Ok(items) = items(&body) {
                prop_assert!((1..=MAX_ITEMS).contains(&items.len()));
            }
        }
    }
}
