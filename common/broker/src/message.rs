use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use serde_json::Value;

use super::dead_letters::{BodySensitivity, DeadLetter};
use super::envelope::Envelope;
use super::header::{self, as_text};
use super::letter_parts::restored;
use super::stage::Stage;
use super::trace_headers;
use super::wait_time::WaitTime;
use super::waits_for::WaitsFor;
use crate::settings::{BrokerSettings, TopologyNames};
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId, Notification};
use tidings_domain::retry::{Attempt, Ladder};
use tidings_domain::trace::TraceContext;

/// `delivery-mode` 2: the broker keeps the message on disk.
pub(super) const PERSISTENT: u8 = 2;

/// A longer value of the header `channel`, in bytes, is no name of a stage.
const MAX_STAGE_NAME: usize = 255;

/// A longer value of the header `x-idempotency-key`, in bytes, is no key: 255 characters and quotes.
const MAX_KEY: usize = 257;

/// The longest detail of a dead letter, in characters: enough for what is wrong with every field of a notification.
const MAX_DETAIL: usize = 2000;

/// Why a message is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable code.
    pub reason: &'static str,
    /// For people. A text of Tidings itself never contains payloads or addresses.
    pub detail: String,
    /// Whether `detail` quotes a provider. It may then contain an address and must not be logged.
    pub quoted: bool,
}

impl Failure {
    /// The reason of a message that may have arrived: the provider did not say whether it accepted it. A replay may
    /// deliver it twice.
    pub const OUTCOME_UNKNOWN: &'static str = "outcome_unknown";

    /// The reason of a message whose idempotency key belongs to another notification. The row is that one's, so this message
    /// never changes it.
    pub const IDEMPOTENCY_KEY_REUSED: &'static str = "idempotency_key_reused";

    /// A failure whose detail is a text of Tidings itself.
    #[must_use]
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            quoted: false,
        }
    }

    /// The failure as the error of a row.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}: {}", self.reason, self.detail)
    }

    /// A failure whose detail quotes a provider.
    #[must_use]
    pub fn quoting(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            quoted: true,
            ..Self::new(reason, detail)
        }
    }
}

/// A message ready to be published.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
    /// The trace of a message that begins its way here. Publishing it is a span of this trace.
    pub(super) trace: Option<TraceContext>,
}

impl Outgoing {
    /// Makes the message a part of a trace: its headers name it, and publishing it is a span of it.
    #[must_use]
    pub fn in_trace(self, trace: Option<TraceContext>) -> Self {
        match trace {
            Some(trace) => Self {
                trace: Some(trace.clone()),
                ..self.with_trace_headers(&trace)
            },
            None => self,
        }
    }

    /// The trace in its headers.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        trace_headers::read(&self.properties)
    }

    pub(super) fn with_trace_headers(mut self, trace: &TraceContext) -> Self {
        let old = self.properties.headers().as_ref();
        let mut headers = old.map_or_else(FieldTable::default, trace_headers::without);
        trace_headers::write(&mut headers, trace);
        self.properties = self.properties.with_headers(headers);
        self
    }

    /// The body. A clone shares its memory.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Adds what the message waits for to its headers.
    #[must_use]
    pub fn waiting_for(mut self, waits_for: &WaitsFor) -> Self {
        for (name, value) in waits_for.headers() {
            self.properties = with_header(self.properties, name, &value);
        }
        self
    }
}

/// For measurements and tests that publish without a [`Publisher`](crate::Publisher).
#[cfg(feature = "raw")]
impl Outgoing {
    /// The exchange.
    #[must_use]
    pub const fn exchange(&self) -> &ShortString {
        &self.exchange
    }

    /// The routing key, which names the attempt.
    #[must_use]
    pub const fn routing_key(&self) -> &ShortString {
        &self.routing_key
    }

    /// The properties.
    #[must_use]
    pub const fn properties(&self) -> &BasicProperties {
        &self.properties
    }
}

/// Creates the messages of an installation, with their exchanges, routing keys and properties.
#[derive(Clone, Debug)]
pub struct MessageFactory {
    names: TopologyNames,
    exchange: ShortString,
    first_attempt: ShortString,
    ladder: Ladder,
    sensitive_replay: Option<Duration>,
    /// The stage that dead letters name.
    stage: Option<Stage>,
}

impl MessageFactory {
    /// Uses the names and the ladder of `settings`.
    #[must_use]
    pub fn new(settings: &BrokerSettings) -> Self {
        Self::with(&settings.names, settings.ladder)
    }

    /// The ladder of the messages.
    #[must_use]
    pub const fn ladder(&self) -> Ladder {
        self.ladder
    }

    fn with(names: &TopologyNames, ladder: Ladder) -> Self {
        Self {
            names: names.clone(),
            exchange: names.exchange.as_str().into(),
            first_attempt: Attempt::first(ladder).to_string().into(),
            ladder,
            sensitive_replay: None,
            stage: None,
        }
    }

    /// The broker removes the dead letters of sensitive notifications after `time` (`SENSITIVE_REPLAY_HOURS`).
    #[must_use]
    pub fn keeping_sensitive_for(self, time: Duration) -> Self {
        Self {
            sensitive_replay: Some(time),
            ..self
        }
    }

    /// The dead letters are those of `stage`, whatever their header `channel` says: an event has the headers of another
    /// program.
    #[must_use]
    pub fn naming_stage(self, stage: Stage) -> Self {
        Self {
            stage: Some(stage),
            ..self
        }
    }

    /// The message that asks the intake to record a notification. `request_id` becomes the correlation id.
    #[must_use]
    pub fn intake(&self, notification: &Notification, request_id: &str) -> Outgoing {
        let properties = persistent(notification.message_id, Stage::Intake)
            .with_correlation_id(request_id.into());
        self.first(properties, notification.encode())
            .in_trace(notification.trace.clone())
    }

    /// The message that asks a channel to deliver a recorded notification. An id stands for a notification that has a target
    /// user.
    ///
    /// `request_id` is that of the intake message; it becomes the correlation id.
    #[must_use]
    pub fn delivery(
        &self,
        channel: DeliveredChannel,
        request: impl Into<DeliveryRequest>,
        request_id: Option<&str>,
    ) -> Outgoing {
        let request = request.into();
        let mut properties = persistent(request.message_id, Stage::Delivery(channel));
        if let Some(request_id) = request_id {
            properties = properties.with_correlation_id(request_id.into());
        }
        self.first(properties, request.encode())
    }

    /// Like [`Self::delivery`], for a notification that was held after `attempt` failed attempts.
    #[must_use]
    pub fn delivery_of_attempt(
        &self,
        channel: DeliveredChannel,
        request: impl Into<DeliveryRequest>,
        attempt: u32,
    ) -> Outgoing {
        let ladder = self.ladder;
        let routing_key = Attempt {
            number: attempt,
            ladder,
        };
        Outgoing {
            routing_key: routing_key.to_string().into(),
            ..self.delivery(channel, request, None)
        }
    }

    fn first(&self, properties: BasicProperties, body: impl Into<Bytes>) -> Outgoing {
        Outgoing {
            exchange: self.exchange.clone(),
            routing_key: self.first_attempt.clone(),
            properties,
            body: body.into(),
            trace: None,
        }
    }

    /// A dead letter that is published again as its first attempt, without the headers that the broker and the
    /// dead-lettering added.
    #[must_use]
    pub fn replay(&self, dead_letter: &DeadLetter) -> Outgoing {
        let properties = stripped(&dead_letter.properties);
        self.again(dead_letter.stage, properties, dead_letter.body.clone())
    }

    /// Like [`Self::replay`], for a letter of a table. `headers` are those of its [`LetterParts`](crate::LetterParts).
    #[must_use]
    pub fn replay_stored(
        &self,
        stage: Option<Stage>,
        message_id: Option<&str>,
        headers: &Value,
        body: Vec<u8>,
    ) -> Outgoing {
        self.again(stage, restored(message_id, headers), body)
    }

    fn again(&self, stage: Option<Stage>, properties: BasicProperties, body: Vec<u8>) -> Outgoing {
        let again = self.first(properties, body);
        match stage {
            Some(Stage::Event(kind)) => Outgoing {
                exchange: self.names.events_exchange().into(),
                routing_key: kind.routing_key().into(),
                ..again
            },
            _ => again,
        }
    }

    /// A message that returns to its own queue after `time` as the same attempt. `not_before` becomes a header for the
    /// next consumer.
    #[must_use]
    pub fn deferred(
        &self,
        envelope: &Envelope,
        time: WaitTime,
        not_before: Option<Timestamp>,
    ) -> Outgoing {
        let mut properties = stripped(&envelope.properties);
        if let Some(not_before) = not_before {
            properties = with_header(properties, header::NOT_BEFORE, &not_before.to_string());
        }
        Outgoing {
            exchange: self.names.wait(time.label()).into(),
            routing_key: envelope.routing_key.clone(),
            properties,
            body: envelope.body.clone().into(),
            trace: None,
        }
    }

    /// The dead letter of a message. Its exchange is the default exchange, its routing key the dead-letter queue.
    #[must_use]
    pub fn dead_letter(&self, envelope: &Envelope, failure: &Failure) -> Outgoing {
        let mut properties = stripped(&envelope.properties);
        if let Some(stage) = self.stage {
            properties = with_header(properties, header::CHANNEL, stage.as_str());
        }
        for (name, value) in [
            (header::FAILURE_REASON, failure.reason.to_owned()),
            (
                header::FAILURE_DETAIL,
                failure.detail.chars().take(MAX_DETAIL).collect(),
            ),
            (header::FAILED_AT, Timestamp::now().to_string()),
        ] {
            properties = with_header(properties, name, &value);
        }
        let mut headers = properties.headers().clone().unwrap_or_default();
        headers.insert(
            header::ATTEMPTS.into(),
            AMQPValue::LongLongInt(envelope.attempts().into()),
        );
        if let Some(time) = self.sensitive_replay
            && BodySensitivity::of(&envelope.body) == BodySensitivity::Sensitive
        {
            properties = properties.with_expiration(time.as_millis().to_string().into());
        }
        Outgoing {
            exchange: "".into(),
            routing_key: self.names.dlq.as_str().into(),
            properties: properties.with_headers(headers),
            body: envelope.body.clone().into(),
            trace: None,
        }
    }
}

fn persistent(message_id: MessageId, stage: Stage) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(
        header::CHANNEL.into(),
        AMQPValue::LongString(stage.as_str().into()),
    );
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.to_string().into())
        .with_headers(headers)
}

/// The properties that a message keeps when it is published again. These are left out:
///
/// - all headers except the one that names the stage, the idempotency key of an event, and those of the trace: those of the broker
///   (`x-death`, `x-delivery-count`) would grow without end, those of a dead letter describe a failure that is over, `CC` and `BCC` would
///   also route the message to other queues, and foreign ones can be so large that the message no longer fits into a frame
///   with ours,
/// - `expiration`, which would delete a dead letter,
/// - `user-id`, for which the broker closes the channel of every other user.
pub(super) fn stripped(properties: &BasicProperties) -> BasicProperties {
    let mut headers = FieldTable::default();
    let old = properties.headers().as_ref();
    let channel = old.and_then(|headers| as_text(headers.inner().get(header::CHANNEL)?));
    // The name may be one that a newer version knows.
    if let Some(name) = channel.filter(|name| name.len() <= MAX_STAGE_NAME) {
        headers.insert(header::CHANNEL.into(), AMQPValue::LongString(name.into()));
    }
    let key = old.and_then(|headers| as_text(headers.inner().get(header::IDEMPOTENCY_KEY)?));
    if let Some(key) = key.filter(|key| key.len() <= MAX_KEY) {
        let key = AMQPValue::LongString(key.into());
        headers.insert(header::IDEMPOTENCY_KEY.into(), key);
    }
    if let Some(trace) = trace_headers::read(properties) {
        trace_headers::write(&mut headers, &trace);
    }
    let mut kept = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers);
    if let Some(content_type) = properties.content_type() {
        kept = kept.with_content_type(content_type.clone());
    }
    if let Some(message_id) = properties.message_id() {
        kept = kept.with_message_id(message_id.clone());
    }
    if let Some(correlation_id) = properties.correlation_id() {
        kept = kept.with_correlation_id(correlation_id.clone());
    }
    if let Some(timestamp) = properties.timestamp() {
        kept = kept.with_timestamp(*timestamp);
    }
    kept
}

fn with_header(properties: BasicProperties, name: &str, value: &str) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
    properties.with_headers(headers)
}

#[cfg(test)]
mod tests;
