//! The wire form of messages between the programs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Channel, MessageId, UserId};
use crate::content::TemplateRef;

/// The version of the wire form: the only one that this program writes and reads.
pub const WIRE_VERSION: u32 = 1;

/// A notification, as the API publishes it to the intake.
///
/// The wire form is one JSON object:
///
/// ```json
/// {"v": 1, "messageId": "…", "targetUserId": "…", "type": "in-app",
///  "acceptedAt": "2026-01-31T12:00:00.123456Z", "payload": {"title": "…"},
///  "template": {"name": "…", "locale": "de"}}
/// ```
///
/// `template`, and in it `locale`, are present only if the client set them.
///
/// Unknown fields are ignored, so that a newer API may run with an older worker. The payload stays the text that the
/// client sent, without parsing.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The id of the notification.
    pub message_id: MessageId,
    /// The user that receives the notification.
    pub user_id: UserId,
    /// The channel.
    pub channel: Channel,
    /// When the API accepted the notification, in microseconds.
    pub accepted_at: Timestamp,
    /// The payload: a JSON object.
    pub payload: Box<RawValue>,
    /// The template, if the payload contains only its variables.
    pub template: Option<TemplateRef>,
}

/// Why a body cannot be decoded. Permanent: another attempt fails in the same way.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is not JSON, or a field is missing or has another type.
    ///
    /// The message contains the position, but not the text, because log lines must not quote payloads.
    #[error("the body is not a notification: {} at line {}, column {}", category(.0), .0.line(), .0.column())]
    Malformed(serde_json::Error),
    /// The body has a wire version that this program does not know.
    #[error("the body has wire version {0}; this program reads version {WIRE_VERSION}")]
    UnknownVersion(u32),
    /// `type` is not a channel.
    #[error("the body's type {0:?} is not a channel")]
    UnknownChannel(String),
    /// `payload` is not a JSON object.
    #[error("the body's payload is not a JSON object")]
    PayloadNotAnObject,
}

fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        _ => "not JSON",
    }
}

impl DecodeError {
    /// The stable code for the header `x-failure-reason` of the dead letter.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownVersion(_) => "unknown_version",
            _ => "undecodable",
        }
    }
}

#[derive(Deserialize)]
struct VersionField {
    v: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntakeOut<'a> {
    v: u32,
    message_id: MessageId,
    target_user_id: UserId,
    r#type: &'static str,
    accepted_at: Timestamp,
    payload: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a TemplateRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntakeIn {
    v: u32,
    message_id: MessageId,
    target_user_id: UserId,
    r#type: String,
    accepted_at: Timestamp,
    payload: Box<RawValue>,
    template: Option<TemplateIn>,
}

/// Like [`TemplateRef`], but ignores unknown fields, because a newer API may add some.
#[derive(Deserialize)]
struct TemplateIn {
    name: String,
    locale: Option<String>,
}

/// Decodes `body`. If the fields do not match, the version decides between an unknown version and a malformed body.
fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(VersionField { v }) if v != WIRE_VERSION => DecodeError::UnknownVersion(v),
        _ => DecodeError::Malformed(error),
    })
}

const fn check_version(v: u32) -> Result<(), DecodeError> {
    if v == WIRE_VERSION {
        Ok(())
    } else {
        Err(DecodeError::UnknownVersion(v))
    }
}

impl Notification {
    /// Encodes the wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(224 + self.payload.get().len());
        let out = IntakeOut {
            v: WIRE_VERSION,
            message_id: self.message_id,
            target_user_id: self.user_id,
            r#type: self.channel.as_str(),
            accepted_at: self.accepted_at,
            payload: &self.payload,
            template: self.template.as_ref(),
        };
        write(&mut body, &out);
        body
    }

    /// Decodes the wire form.
    ///
    /// # Errors
    ///
    /// Returns an error if `body` is not a notification of this version.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let read: IntakeIn = decode(body)?;
        check_version(read.v)?;
        let channel = read
            .r#type
            .parse()
            .map_err(|_| DecodeError::UnknownChannel(read.r#type.chars().take(64).collect()))?;
        if !read.payload.get().starts_with('{') {
            return Err(DecodeError::PayloadNotAnObject);
        }
        Ok(Self {
            message_id: read.message_id,
            user_id: read.target_user_id,
            channel,
            accepted_at: read.accepted_at,
            payload: read.payload,
            template: read
                .template
                .map(|TemplateIn { name, locale }| TemplateRef { name, locale }),
        })
    }
}

/// A request to deliver a recorded notification. The content is in the row. Wire form: `{"v": 1, "messageId": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// The id of the notification.
    pub message_id: MessageId,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryWire {
    v: u32,
    message_id: MessageId,
}

impl DeliveryRequest {
    /// Encodes the wire form.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(64);
        let out = DeliveryWire {
            v: WIRE_VERSION,
            message_id: self.message_id,
        };
        write(&mut body, &out);
        body
    }

    /// Decodes the wire form.
    ///
    /// # Errors
    ///
    /// Returns an error if `body` is not a delivery request of this version.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let read: DeliveryWire = decode(body)?;
        check_version(read.v)?;
        Ok(Self {
            message_id: read.message_id,
        })
    }
}

/// Serializes into `body`. Cannot fail: the values are strings, numbers and raw JSON, and the writer is memory.
fn write(body: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notification(payload: &str) -> Notification {
        Notification {
            message_id: MessageId::generate(),
            user_id: uuid::Uuid::now_v7().into(),
            channel: Channel::Email,
            accepted_at: "2026-01-31T12:00:00.123456Z".parse().expect("a timestamp"),
            payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
            template: None,
        }
    }

    #[test]
    fn a_notification_is_read_back_as_it_was_written() {
        let sent = notification(r#"{"title": "Grüße", "n": 1.50, "deep": [{"a": null}]}"#);
        let read = Notification::decode(&sent.encode()).expect("its own wire form");
        assert_eq!(read.message_id, sent.message_id);
        assert_eq!(read.user_id, sent.user_id);
        assert_eq!(read.channel, sent.channel);
        assert_eq!(read.accepted_at, sent.accepted_at);
        assert_eq!(read.payload.get(), sent.payload.get());
    }

    #[test]
    fn a_template_travels_along_where_there_is_one() {
        let mut sent = notification("{}");
        let without = String::from_utf8(sent.encode()).expect("UTF-8");
        assert!(!without.contains("template"), "{without}");
        for locale in [None, Some("de-AT".to_owned())] {
            let name = "welcome".to_owned();
            sent.template = Some(TemplateRef { name, locale });
            let read = Notification::decode(&sent.encode()).expect("its own wire form");
            assert_eq!(read.template, sent.template);
        }
    }

    #[test]
    fn a_delivery_request_is_read_back_as_it_was_written() {
        let sent = DeliveryRequest {
            message_id: MessageId::generate(),
        };
        assert_eq!(
            DeliveryRequest::decode(&sent.encode()).expect("its own wire form"),
            sent
        );
    }

    #[test]
    fn a_newer_version_is_told_apart_from_garbage() {
        let newer = Notification::decode(br#"{"v": 2, "envelope": {}}"#).expect_err("refused");
        assert_eq!(newer.reason(), "unknown_version");
        let garbage = Notification::decode(b"\xff\x00").expect_err("refused");
        assert_eq!(garbage.reason(), "undecodable");
        let text = Notification::decode(b"\"a secret\"")
            .expect_err("refused")
            .to_string();
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn unknown_fields_are_ignored_so_that_versions_can_run_side_by_side() {
        let sent = notification("{}");
        let mut body = sent.encode();
        body.pop();
        body.extend_from_slice(br#","colour":"red","template":{"name":"welcome","tone":"warm"}}"#);
        assert!(Notification::decode(&body).is_ok());
    }

    #[test]
    fn a_payload_that_is_no_object_and_an_unknown_type_are_refused() {
        let text = String::from_utf8(notification("{}").encode()).expect("UTF-8");
        for (from, to) in [("\"payload\":{}", "\"payload\":[]"), ("email", "pigeon")] {
            assert!(Notification::decode(text.replace(from, to).as_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
            let _ = Notification::decode(&body);
            let _ = DeliveryRequest::decode(&body);
        }

        /// Cuts and changes of a valid body reach the decoder's later stages.
        #[test]
        fn damaged_bodies_are_never_a_panic(at in 0usize..300, byte: u8, cut: bool) {
            let mut body = notification(r#"{"a": "\ud83d\ude00"}"#).encode();
            let at = at % body.len();
            if cut { body.truncate(at) } else { body[at] = byte }
            if let Ok(read) = Notification::decode(&body) {
                let object = read.payload.get().starts_with('{');
                prop_assert!(object);
            }
        }
    }
}
