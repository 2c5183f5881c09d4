mod factory;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::header::{self, as_text};
use super::stage::Stage;
use super::trace_headers;
use super::waits_for::WaitsFor;
use tidings_domain::notification::MessageId;
use tidings_domain::trace::TraceContext;

pub use factory::MessageFactory;

/// `delivery-mode` 2: the broker keeps the message on disk.
pub(super) const PERSISTENT: u8 = 2;

/// A longer value of the header `channel`, in bytes, is no name of a stage.
const MAX_STAGE_NAME: usize = 255;

/// A longer value of the header `x-idempotency-key`, in bytes, is no key: 255 characters and quotes.
const MAX_KEY: usize = 257;

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
