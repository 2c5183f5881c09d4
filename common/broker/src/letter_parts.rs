//! What a table must know of a message to show it as a dead letter, and to publish it again.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use serde_json::{Map, Value};
use tidings_domain::notification::{DeliveryRequest, Fingerprint, MessageId, Notification, UserId};
use tidings_domain::trace::TraceContext;

use crate::dead_letters::{BodySensitivity, DeadLetter, named_user};
use crate::envelope::Envelope;
use crate::header::{self, as_text};
use crate::message::{Failure, PERSISTENT, stripped};
use crate::stage::Stage;
use crate::trace_headers;

/// The parts of a message that is a dead letter.
#[derive(Clone, Debug)]
pub struct LetterParts<'a> {
    /// The message id in its properties.
    pub message_id: Option<&'a str>,
    /// Its stage.
    pub stage: Option<Stage>,
    /// The header with its idempotency key.
    pub idempotency_key: Option<&'a str>,
    /// The properties and headers that a replay keeps.
    pub headers: Value,
    /// The body.
    pub body: &'a [u8],
    /// The user in its body.
    pub user: Option<UserId>,
    /// Whether its payload must not be shown.
    pub sensitivity: BodySensitivity,
}

impl<'a> LetterParts<'a> {
    fn new(properties: &'a BasicProperties, body: &'a [u8], stage: Option<Stage>) -> Self {
        let headers = properties.headers().as_ref();
        let key =
            headers.and_then(|headers| as_text(headers.inner().get(header::IDEMPOTENCY_KEY)?));
        Self {
            message_id: properties.message_id().as_ref().map(ShortString::as_str),
            stage,
            idempotency_key: key,
            headers: kept(properties),
            body,
            user: named_user(body),
            sensitivity: BodySensitivity::of(body),
        }
    }
}

impl Envelope {
    /// The parts of the message. An event has no header that names its stage: `stage` is that.
    #[must_use]
    pub fn letter_parts(&self, stage: Option<Stage>) -> LetterParts<'_> {
        let stage = stage.or_else(|| Stage::of(&self.properties));
        LetterParts::new(&self.properties, &self.body, stage)
    }
}

impl DeadLetter {
    /// The parts of the message.
    #[must_use]
    pub fn letter_parts(&self) -> LetterParts<'_> {
        LetterParts::new(&self.properties, &self.body, self.stage)
    }

    /// The notification that the dead letter is about, with the fingerprint of its request, if its stage can decode it. The
    /// row of a key that was used before is that of another request.
    #[must_use]
    pub fn notification(&self) -> Option<(MessageId, Option<Fingerprint>)> {
        match self.stage? {
            _ if self.reason == Failure::IDEMPOTENCY_KEY_REUSED => None,
            Stage::Intake => {
                let notification = Notification::decode(&self.body).ok()?;
                Some((notification.message_id, notification.fingerprint))
            }
            Stage::Delivery(_) => {
                Some((DeliveryRequest::decode(&self.body).ok()?.message_id, None))
            }
            Stage::Event(_) => None,
        }
    }
}

/// What a replay keeps, without the message id.
fn kept(properties: &BasicProperties) -> Value {
    let properties = stripped(properties);
    let mut json = Map::new();
    // PostgreSQL cannot store NUL.
    let mut text = |name: &str, value: &str| {
        json.insert(name.to_owned(), value.replace('\0', "?").into());
    };
    if let Some(headers) = properties.headers() {
        for (name, value) in headers.inner() {
            if let Some(value) = as_text(value) {
                text(name.as_str(), value);
            }
        }
    }
    if let Some(value) = properties.content_type() {
        text("contentType", value.as_str());
    }
    if let Some(value) = properties.correlation_id() {
        text("correlationId", value.as_str());
    }
    if let Some(seconds) = properties.timestamp() {
        json.insert("timestamp".to_owned(), (*seconds).into());
    }
    Value::Object(json)
}

/// The properties that [`kept`] has written.
pub(crate) fn restored(message_id: Option<&str>, kept: &Value) -> BasicProperties {
    let mut headers = FieldTable::default();
    for name in [header::CHANNEL, header::IDEMPOTENCY_KEY] {
        if let Some(value) = kept[name].as_str() {
            headers.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
        }
    }
    let parent = kept[header::TRACEPARENT].as_str();
    let state = kept[header::TRACESTATE].as_str();
    if let Some(trace) = parent.and_then(|parent| TraceContext::read(parent, state)) {
        trace_headers::write(&mut headers, &trace);
    }
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers);
    if let Some(id) = message_id {
        properties = properties.with_message_id(id.into());
    }
    if let Some(value) = kept["contentType"].as_str() {
        properties = properties.with_content_type(value.into());
    }
    if let Some(value) = kept["correlationId"].as_str() {
        properties = properties.with_correlation_id(value.into());
    }
    if let Some(seconds) = kept["timestamp"].as_u64() {
        properties = properties.with_timestamp(seconds);
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_replay_keeps_survives_the_table() {
        let mut headers = FieldTable::default();
        headers.insert("channel".into(), AMQPValue::LongString("intake".into()));
        headers.insert(
            "x-idempotency-key".into(),
            AMQPValue::LongString("a-key".into()),
        );
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (name, value) in [("traceparent", parent), ("tracestate", "a=b,c=d")] {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        let expected = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id("m-1".into())
            .with_content_type("application/json".into())
            .with_correlation_id("r-1".into())
            .with_timestamp(1_795_000_000)
            .with_headers(headers.clone());
        headers.insert(
            "x-failure-reason".into(),
            AMQPValue::LongString("undecodable".into()),
        );
        let letter = expected.clone().with_headers(headers).with_priority(3);
        assert_eq!(restored(Some("m-1"), &kept(&letter)), expected);
        let with_nul = BasicProperties::default().with_correlation_id("a\0b".into());
        assert_eq!(kept(&with_nul), serde_json::json!({"correlationId": "a?b"}));
    }
}
