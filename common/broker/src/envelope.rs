use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::ShortString;

use super::frame_size::header_frame_size;
use super::header::{self, as_text};
use super::spans::{id_attributes, size};
use super::trace_headers;
use super::waits_for::WaitsFor;
use tidings_domain::retry::Attempt;
use tidings_domain::trace::TraceContext;
use tidings_runtime::traces::{KeyValue, semconv};

/// The largest body, in bytes: more than `MAX_BODY_BYTES` may allow.
const MAX_BODY: usize = 16 << 20;

/// The largest content header, in bytes. The broker adds to the headers of a message that climbs the ladder (`x-death`),
/// and a message whose headers no longer fit into a frame would end the connection of each consumer.
const MAX_HEADERS: usize = 64 << 10;

/// A message that the broker delivered.
#[derive(Debug)]
pub struct Envelope {
    /// The attempt that the routing key names, or `None` if the routing key is invalid. Such a message counts as at
    /// its last attempt.
    pub attempt: Option<Attempt>,
    /// The body.
    pub body: Vec<u8>,
    /// Identifies the message on the channel that delivered it.
    pub delivery_tag: u64,
    /// Identifies this delivery of the message among all that this process has received.
    pub sequence: u64,
    /// The queue that delivered it; empty if no queue did.
    pub queue: Arc<str>,
    exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
}

/// A header is not text in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be text")]
pub struct NotText;

fn next_sequence() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Envelope {
    pub(super) fn of_delivery(delivery: Delivery, queue: Arc<str>) -> Self {
        Self {
            attempt: Attempt::from_routing_key(delivery.routing_key.as_str()),
            body: delivery.data,
            delivery_tag: delivery.delivery_tag,
            sequence: next_sequence(),
            queue,
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            properties: delivery.properties,
        }
    }
}

impl Envelope {
    /// Creates a message that no channel delivered.
    #[must_use]
    pub fn new(routing_key: &str, properties: BasicProperties, body: Vec<u8>) -> Self {
        Self {
            attempt: Attempt::from_routing_key(routing_key),
            body,
            delivery_tag: 0,
            sequence: next_sequence(),
            queue: Arc::default(),
            exchange: ShortString::default(),
            routing_key: routing_key.into(),
            properties,
        }
    }

    /// Creates a message that has only a body.
    #[must_use]
    pub fn of_body(body: Vec<u8>) -> Self {
        Self::new("", BasicProperties::default(), body)
    }

    /// The message id in the properties.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let id = self.properties.message_id().as_ref();
        id.map(ShortString::as_str)
    }

    /// The id of the HTTP request that published the message: its correlation id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let id = self.properties.correlation_id().as_ref();
        id.map(ShortString::as_str)
    }

    /// The idempotency key of an event, if its header is present.
    ///
    /// # Errors
    ///
    /// Returns [`NotText`] if the header has another type.
    pub fn idempotency_key(&self) -> Result<Option<&str>, NotText> {
        let headers = self.properties.headers().as_ref();
        let value = headers.and_then(|headers| headers.inner().get(header::IDEMPOTENCY_KEY));
        value.map(|value| as_text(value).ok_or(NotText)).transpose()
    }

    /// The time before which the message must not be processed.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        header::not_before(&self.properties)
    }

    /// The trace that the message belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        trace_headers::read(&self.properties)
    }

    /// The attributes of a span that processes the message. They name its destination as the conventions say: exchange, routing
    /// key and queue.
    #[must_use]
    pub fn span_attributes(&self) -> Vec<KeyValue> {
        let (exchange, key) = (self.exchange.as_str(), self.routing_key.as_str());
        let destination = format!("{exchange}:{key}:{}", self.queue);
        let mut attributes = vec![
            KeyValue::new(semconv::MESSAGING_SYSTEM, "rabbitmq"),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "process"),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "process"),
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, destination),
            KeyValue::new(
                semconv::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
                key.to_owned(),
            ),
            KeyValue::new(semconv::MESSAGING_MESSAGE_BODY_SIZE, size(self.body.len())),
            KeyValue::new(semconv::ATTEMPT, i64::from(self.attempts()) - 1),
        ];
        attributes.extend(id_attributes(&self.properties));
        attributes
    }

    /// What the message waits for, as far as it says.
    #[must_use]
    pub fn waits_for(&self) -> Option<WaitsFor> {
        WaitsFor::read(&self.properties)
    }

    /// Why no program of Tidings can have published the body, if it is too large.
    #[must_use]
    pub fn oversize_body(&self) -> Option<&'static str> {
        (self.body.len() > MAX_BODY).then_some("the body is larger than any that Tidings accepts")
    }

    /// Why the message cannot climb the ladder, if its headers are too large.
    #[must_use]
    pub fn oversize_headers(&self) -> Option<&'static str> {
        (header_frame_size(&self.properties) > MAX_HEADERS)
            .then_some("the headers are larger than any that Tidings sets")
    }

    /// How often the message has been tried, including this delivery.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempt
            .map_or(1, |attempt| attempt.number.saturating_add(1))
    }
}
