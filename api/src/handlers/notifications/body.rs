use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidings_common::notification::{Channel, UserId, payload_problem};

use crate::error::{ApiError, Detail};

const FIELDS: [&str; 3] = ["targetUserId", "type", "payload"];

/// What a client asks for, checked.
#[derive(Debug)]
pub struct NewNotification<'a> {
    pub user_id: UserId,
    pub channel: Channel,
    pub payload: &'a RawValue,
}

impl<'a> NewNotification<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 400 with everything that is wrong, not only the first thing.
    pub fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let Members(members) = serde_json::from_slice(body).map_err(|error| {
            let message = match error.classify() {
                serde_json::error::Category::Data => {
                    format!("The body must be a JSON object: {error}")
                }
                _ => format!("The body is not JSON: {error}"),
            };
            ApiError::bad_request("invalid_json", message, Vec::new())
        })?;
        let mut problems = Problems::default();
        problems.check_names(&members);
        let mut field = |name| {
            let found = members
                .iter()
                .find(|(member, _)| member == name)
                .map(|(_, value)| *value);
            if found.is_none() {
                problems.missing.push(Detail::new(name, "is required"));
            }
            found
        };
        let (user, channel, payload) = (field(FIELDS[0]), field(FIELDS[1]), field(FIELDS[2]));
        let user_id = user.and_then(|value| problems.keep(FIELDS[0], read_user(value)));
        let channel = channel.and_then(|value| problems.keep(FIELDS[1], read_channel(value)));
        if let Some(problem) = payload.and_then(|value| payload_problem(value.get())) {
            problems.invalid.push(Detail::new(FIELDS[2], problem));
        }
        problems.none()?;
        match (user_id, channel, payload) {
            (Some(user_id), Some(channel), Some(payload)) => Ok(Self {
                user_id,
                channel,
                payload,
            }),
            _ => Err(ApiError::internal(
                "a field that is not there was no problem",
            )),
        }
    }
}

fn read_text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn read_user(value: &RawValue) -> Result<UserId, String> {
    read_text(value)
        .filter(|text| text.len() == 36)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "must be a UUID, such as 9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a".to_owned())
}

fn read_channel(value: &RawValue) -> Result<Channel, String> {
    let unknown = tidings_common::notification::UnknownChannel;
    read_text(value)
        .ok_or(unknown)
        .and_then(|text| text.parse())
        .map_err(|error| error.to_string())
}

/// What is wrong with a body, by kind.
#[derive(Default)]
struct Problems {
    missing: Vec<Detail>,
    invalid: Vec<Detail>,
    unknown: Vec<Detail>,
    repeated: Vec<Detail>,
}

impl Problems {
    /// A typo must not be swallowed, and of two values of one field neither is surely meant.
    fn check_names(&mut self, members: &[(Cow<'_, str>, &RawValue)]) {
        for (place, (name, _)) in members.iter().enumerate() {
            let shown: String = name.chars().take(100).collect();
            if !FIELDS.contains(&&**name) {
                self.unknown
                    .push(Detail::new(shown, "is not a field of a notification"));
            } else if members[..place].iter().any(|(earlier, _)| earlier == name) {
                self.repeated
                    .push(Detail::new(shown, "is given more than once"));
            }
        }
    }

    fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.invalid.push(Detail::new(field, message)))
            .ok()
    }

    fn none(self) -> Result<(), ApiError> {
        let kinds = [
            ("missing_fields", "Missing required fields", self.missing),
            ("invalid_fields", "Invalid fields", self.invalid),
            ("unknown_fields", "Unknown fields", self.unknown),
            ("repeated_fields", "Repeated fields", self.repeated),
        ];
        let mut code = None;
        let mut sentences = Vec::new();
        let mut details = Vec::new();
        for (kind, words, mut found) in kinds {
            if found.is_empty() {
                continue;
            }
            // Several kinds at once have a code of their own.
            code = Some(code.map_or(kind, |_| "invalid_request"));
            let names: Vec<&str> = found
                .iter()
                .take(10)
                .map(|detail| detail.field.as_str())
                .collect();
            sentences.push(format!("{words}: {}", names.join(", ")));
            details.append(&mut found);
        }
        code.map_or(Ok(()), |code| {
            Err(ApiError::bad_request(code, sentences.join(". "), details))
        })
    }
}

/// A JSON object's members in their order, repeated ones included, values unread.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with targetUserId, type and payload")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(FIELDS.len());
                while let Some((Name(name), value)) =
                    map.next_entry::<Name<'de>, &'de RawValue>()?
                {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// A member's name, copied only where it is written with escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    fn refused(body: &str) -> (String, Vec<String>) {
        let error = NewNotification::parse(body.as_bytes()).expect_err(body);
        let fields = error
            .details
            .iter()
            .map(|detail| detail.field.clone())
            .collect();
        (format!("{}: {}", error.code, error.message), fields)
    }

    #[test]
    fn a_notification_is_read() {
        let body =
            format!(r#"{{"targetUserId": "{USER}", "type": "sms", "payload": {{"to": "+49"}}}}"#);
        let read = NewNotification::parse(body.as_bytes()).expect("valid");
        assert_eq!(read.user_id.to_string(), USER);
        assert_eq!(read.channel, Channel::Sms);
        assert_eq!(read.payload.get(), r#"{"to": "+49"}"#);
    }

    #[test]
    fn every_missing_field_is_named() {
        let (message, fields) = refused(&format!(r#"{{"targetUserId": "{USER}"}}"#));
        assert_eq!(
            message,
            "missing_fields: Missing required fields: type, payload"
        );
        assert_eq!(fields, ["type", "payload"]);
    }

    #[test]
    fn all_kinds_of_problems_are_reported_at_once() {
        let (message, fields) =
            refused(r#"{"targetUserId": 7, "type": "pigeon", "type": "sms", "color": 1}"#);
        assert!(message.starts_with("invalid_request: "), "{message}");
        assert_eq!(fields, ["payload", "targetUserId", "type", "color", "type"]);
    }

    #[test]
    fn an_escaped_name_is_the_same_field() {
        let (message, _) = refused(r#"{"typ\u0065": "sms", "type": "sms"}"#);
        assert!(message.contains("Repeated fields: type"), "{message}");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "7", "{", "null", "{\"type\":}", "\u{feff}{}"] {
            assert!(refused(body).0.starts_with("invalid_json"), "{body}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
            let _ = NewNotification::parse(&body);
        }

        #[test]
        fn arbitrary_texts_in_fields_are_a_client_error(user in ".*", channel in ".*", payload in ".*") {
            let body = serde_json::json!({"targetUserId": user, "type": channel, "payload": payload}).to_string();
            let refused = NewNotification::parse(body.as_bytes()).expect_err("the payload is no object");
            prop_assert!(refused.status.is_client_error());
        }
    }
}
