use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidings_domain::content::FieldProblems;
use tidings_domain::json::MemberName;

use super::item_list::{ItemList, MAX_ITEMS};
use super::{BODY, check, not_an_object, shown};
use crate::error::ApiError;

/// Parses the body of a batch, whose only field is `field`. Returns its items in their order, not parsed.
///
/// Whatever the body holds, at most [`MAX_ITEMS`] items and the reported problems are kept in memory.
///
/// # Errors
///
/// Returns 400 if the body is not an object with a list of 1 to [`MAX_ITEMS`] items.
pub fn items<'a>(body: &'a [u8], field: &'static str) -> Result<Vec<&'a RawValue>, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = BatchField(field).deserialize(&mut deserializer);
    let BatchBody { list, mut problems } = parsed
        .and_then(|parsed| deserializer.end().map(|()| parsed))
        .map_err(|error| not_an_object(&error, BODY))?;
    let wrong = match &list {
        Some(ItemList::Items(items)) if items.is_empty() => Some("must not be empty".to_owned()),
        Some(ItemList::Items(_)) => None,
        Some(ItemList::TooLong) => Some(format!("must have at most {MAX_ITEMS} items")),
        Some(ItemList::NotAList) => Some(format!("must be a list of {field}")),
        None => {
            problems.missing(field);
            None
        }
    };
    if let Some(wrong) = wrong {
        problems.invalid(field, wrong);
    }
    check(problems)?;
    match list {
        Some(ItemList::Items(items)) => Ok(items),
        _ => Err(ApiError::internal(
            "a value that is not a list was not reported",
        )),
    }
}

/// The parsed body of a batch.
struct BatchBody<'a> {
    list: Option<ItemList<'a>>,
    problems: FieldProblems,
}

/// The name of the only field of a batch.
#[derive(Clone, Copy)]
struct BatchField(&'static str);

impl<'de> DeserializeSeed<'de> for BatchField {
    type Value = BatchBody<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BatchField {
    type Value = BatchBody<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BatchBody<'de>, A::Error> {
        let Self(field) = self;
        let (mut list, mut problems) = (None, FieldProblems::default());
        while let Some(MemberName(name)) = map.next_key()? {
            if name == field && list.is_none() {
                list = Some(map.next_value()?);
                continue;
            }
            if name == field {
                problems.repeated(field);
            } else {
                problems.unknown(shown(&name), "batch");
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(BatchBody { list, problems })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELD: &str = "notifications";

    fn rejected(body: &str) -> (&'static str, String) {
        let error = items(body.as_bytes(), FIELD).expect_err(body);
        (error.code, error.message)
    }

    fn of(count: usize) -> String {
        format!(r#"{{"notifications": [{}]}}"#, vec!["{}"; count].join(", "))
    }

    #[test]
    fn items_are_found_as_they_were_sent() {
        let body = br#" {"notifi\u0063ations": [ {"a":  1}, 7,[2] ,"x\u0000"]} "#;
        let texts: Vec<_> = items(body, FIELD)
            .expect("a batch")
            .into_iter()
            .map(RawValue::get)
            .collect();
        assert_eq!(texts, [r#"{"a":  1}"#, "7", "[2]", r#""x\u0000""#]);
    }

    #[test]
    fn a_batch_has_1_to_1000_items() {
        for count in [1, 999, 1000] {
            assert_eq!(
                items(of(count).as_bytes(), FIELD).expect("a batch").len(),
                count
            );
        }
        for (count, wrong) in [(0, "empty"), (1001, "at most 1000"), (5000, "at most 1000")] {
            let error = items(of(count).as_bytes(), FIELD).expect_err("rejected");
            assert_eq!(error.code, "invalid_fields");
            assert_eq!(error.details[0].field, "notifications");
            assert!(error.details[0].message.contains(wrong), "{error:?}");
        }
    }

    #[test]
    fn a_body_that_is_not_a_batch_is_rejected() {
        for body in [
            "",
            "[]",
            "7",
            "{",
            "null",
            r#"{"notifications": [{}"#,
            r#"{"notifications": [{}]} {}"#,
        ] {
            assert_eq!(rejected(body).0, "invalid_json", "{body}");
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
            assert_eq!(rejected(&body).0, "invalid_fields", "{body}");
        }
        assert_eq!(rejected("{}").0, "missing_fields");
    }

    #[test]
    fn unknown_and_repeated_fields_are_named() {
        let body = r#"{"notifications": [{}], "color": [1], "notifications": 7}"#;
        let (code, message) = rejected(body);
        assert_eq!(code, "invalid_request");
        assert_eq!(
            message,
            "Unknown fields: color. Repeated fields: notifications"
        );
    }

    #[test]
    fn a_limited_number_of_problems_is_kept() {
        let members: Vec<_> = (0..100_000).map(|n| format!(r#""{n}":0"#)).collect();
        let error =
            items(format!("{{{}}}", members.join(",")).as_bytes(), FIELD).expect_err("rejected");
        assert_eq!(error.details.len(), crate::error::MAX_DETAILS);
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep =
            |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
        let arrays = deep("[", "]");
        let body = format!(
            r#"{{"notifications": [{arrays}, {}]}}"#,
            deep(r#"{"a":"#, "}").replace(":}", ":0}")
        );
        assert_eq!(items(body.as_bytes(), FIELD).expect("a batch").len(), 2);
        let (code, _) = rejected(&format!(r#"{{"notifications": [{{}}], "a": {arrays}}}"#));
        assert_eq!(code, "unknown_fields");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
            let _ = items(&body, FIELD);
        }

        /// Truncated and changed copies of a valid body reach the later stages.
        #[test]
        fn damaged_bodies_are_never_a_panic(at in 0usize..100, byte: u8, cut: bool) {
            let mut body = br#"{"notifications": [{"a": "\ud83d\ude00"}, [1e5], null], "x": {"y": 1}}"#.to_vec();
            let at = at % body.len();
            if cut { body.truncate(at) } else { body[at] = byte }
            if let Ok(items) = items(&body, FIELD) {
                prop_assert!((1..=MAX_ITEMS).contains(&items.len()));
            }
        }
    }
}
