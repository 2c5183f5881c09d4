//! The spans of messages.

use lapin::BasicProperties;
use lapin::types::ShortString;
use tidings_runtime::traces::{KeyValue, Kind, Span, semconv};

use super::message::Outgoing;
use super::publish_error::PublishError;

impl Outgoing {
    /// The ids of the message, as attributes of a span.
    #[must_use]
    pub fn id_attributes(&self) -> Vec<KeyValue> {
        id_attributes(&self.properties).collect()
    }

    /// Begins the span of its publishing. Its headers then name that span as its cause.
    pub(super) fn begin_span(mut self) -> (Self, Span) {
        let Some(trace) = self.trace.take() else {
            return (self, Span::default());
        };
        let span = Span::child(Kind::Producer, Some(&trace), || {
            let (exchange, key) = (self.exchange.as_str(), self.routing_key.as_str());
            let mut attributes = vec![
                KeyValue::new(semconv::MESSAGING_SYSTEM, "rabbitmq"),
                KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "publish"),
                KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "send"),
                KeyValue::new(
                    semconv::MESSAGING_DESTINATION_NAME,
                    format!("{exchange}:{key}"),
                ),
                KeyValue::new(
                    semconv::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
                    key.to_owned(),
                ),
                KeyValue::new(semconv::MESSAGING_MESSAGE_BODY_SIZE, size(self.body.len())),
            ];
            attributes.extend(id_attributes(&self.properties));
            (format!("publish {exchange}"), attributes)
        });
        match span.context() {
            Some(context) => (self.with_trace_headers(&context), span),
            None => (self, span),
        }
    }
}

/// Ends the span of publishing a message.
pub(super) fn end_span(span: &Span, result: &Result<(), PublishError>) {
    if let Err(error) = result {
        span.fail(error.code());
    }
}

/// The message id and the id of the request.
pub(super) fn id_attributes(properties: &BasicProperties) -> impl Iterator<Item = KeyValue> {
    let text = |name, value: &Option<ShortString>| {
        let value = value.as_ref().filter(|value| value.as_str().len() <= 128);
        value.map(|value| KeyValue::new(name, value.to_string()))
    };
    let id = text(semconv::MESSAGING_MESSAGE_ID, properties.message_id());
    let request = text(
        semconv::MESSAGING_MESSAGE_CONVERSATION_ID,
        properties.correlation_id(),
    );
    id.into_iter().chain(request)
}

/// A number of bytes.
pub(super) fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
