use serde_json::value::RawValue;
use tidings_domain::notification::IdempotencyKey;
use tidings_requests::{AllowedRecipients, FIELDS, NewNotification};

use crate::error::ApiError;
use crate::json_body::{ObjectReader, members, values};

/// The field that an item has in addition to those of a notification.
const KEY: &str = "idempotencyKey";

/// One item of a batch, validated.
#[derive(Debug)]
pub struct BatchItem<'a> {
    /// The notification.
    pub new: NewNotification<'a>,
    /// The idempotency key, as in the header `Idempotency-Key` of a single request.
    pub key: Option<IdempotencyKey>,
}

impl<'a> BatchItem<'a> {
    /// Parses an item of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// Returns 413 if the item is larger, and 400 with everything that is wrong.
    pub fn parse(item: &'a RawValue, limit: usize) -> Result<Self, ApiError> {
        let json = item.get().as_bytes();
        if json.len() > limit {
            return Err(ApiError::payload_too_large("The notification", limit));
        }
        let members = members(json, "The notification")?;
        let known: Vec<&str> = FIELDS.into_iter().chain([KEY]).collect();
        let mut reader = ObjectReader::new(members, &known, "notification");
        let key = reader.optional(KEY, values::parsed);
        let new = NewNotification::read(&mut reader, AllowedRecipients::UsersAndAddresses);
        let item = new.map(|new| Self { new, key });
        reader.finish(item)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidings_domain::notification::Fingerprint;

    use super::*;

    const LIMIT: usize = 1000;

    fn with(members: &str) -> Box<RawValue> {
        let user = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";
        let json =
            format!(r#"{{"targetUserId": "{user}", "type": "in-app", "payload": {{}}{members}}}"#);
        RawValue::from_string(json).expect("JSON")
    }

    fn rejected(json: &RawValue) -> (&'static str, Vec<String>) {
        let error = BatchItem::parse(json, LIMIT).expect_err(json.get());
        let fields = error.details.into_iter().map(|detail| detail.field);
        (error.code, fields.collect())
    }

    #[test]
    fn an_item_is_a_notification_with_an_optional_key() {
        for (members, key) in [
            ("", None),
            (r#", "idempotencyKey": null"#, None),
            (r#", "idempotencyKey": "order-17""#, Some("order-17")),
            (r#", "idempotencyKey": "\"order-17\"""#, Some("order-17")),
        ] {
            let json = with(members);
            let item = BatchItem::parse(&json, LIMIT).expect("valid");
            let read = item.key.as_ref().map(IdempotencyKey::as_str);
            assert_eq!(read, key, "{members}");
        }
    }

    #[test]
    fn an_item_and_a_single_request_have_the_same_fingerprint() {
        let times = r#", "sendAt": "2027-03-28T09:00:00Z", "ttlSecs": 60, "group": "a""#;
        let single = with(times);
        let item = with(&format!(
            r#", "idempotencyKey": "order-17", "template": null{times}"#
        ));
        let single = NewNotification::parse(single.get().as_bytes()).expect("valid");
        let item = BatchItem::parse(&item, LIMIT).expect("valid");
        let of = |new: &NewNotification<'_>| Fingerprint::of(&new.given());
        assert_eq!(of(&item.new), of(&single));
        let other = with(r#", "idempotencyKey": "order-17""#);
        let other = BatchItem::parse(&other, LIMIT).expect("valid");
        assert_ne!(of(&other.new), of(&single));
    }

    #[test]
    fn a_wrong_key_is_reported_with_all_other_problems() {
        let long = format!(r#", "idempotencyKey": "{}""#, "k".repeat(256));
        for members in [
            r#", "idempotencyKey": """#,
            r#", "idempotencyKey": "two words""#,
            r#", "idempotencyKey": 7"#,
            &long,
        ] {
            let expected = ("invalid_fields", vec!["idempotencyKey".to_owned()]);
            assert_eq!(rejected(&with(members)), expected, "{members}");
        }
        let (code, fields) = rejected(&with(r#", "idempotencyKey": "", "IdempotencyKey": """#));
        assert_eq!(code, "invalid_request");
        assert_eq!(fields, ["idempotencyKey", "IdempotencyKey"]);
    }

    #[test]
    fn an_item_that_a_single_request_rejects_is_rejected() {
        for (json, code) in [
            ("7", "invalid_json"),
            ("[]", "invalid_json"),
            (r#"{"\ud800": 1}"#, "invalid_json"),
            ("{}", "missing_fields"),
        ] {
            let json = RawValue::from_string(json.to_owned()).expect("JSON");
            assert_eq!(rejected(&json).0, code, "{json}");
        }
        let (code, fields) = rejected(&with(r#", "type": "in-app""#));
        assert_eq!((code, fields), ("repeated_fields", vec!["type".to_owned()]));
        let deep = with(&format!(
            r#", "template": {}{}"#,
            "[".repeat(200),
            "]".repeat(200)
        ));
        assert_eq!(rejected(&deep).0, "invalid_fields");
    }

    #[test]
    fn an_item_may_have_up_to_the_limit_of_bytes() {
        let json = with("");
        let size = json.get().len();
        assert!(BatchItem::parse(&json, size).is_ok());
        let error = BatchItem::parse(&json, size - 1).expect_err("too large");
        assert_eq!(error.code, "payload_too_large");
    }

    proptest! {
        #[test]
        fn arbitrary_keys_are_accepted_or_a_client_error(key in ".{0,300}") {
            let text = serde_json::Value::from(key.as_str()).to_string();
            match BatchItem::parse(&with(&format!(r#", "idempotencyKey": {text}"#)), 10_000) {
                Ok(item) => prop_assert_eq!(item.key, key.parse().ok()),
                Err(error) => {
                    prop_assert!(key.parse::<IdempotencyKey>().is_err());
                    prop_assert!(error.status.is_client_error());
                }
            }
        }
    }
}
