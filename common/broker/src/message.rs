use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::destination::Destination;
use super::envelope::Envelope;
use super::header;
use super::wait_time::WaitTime;
use crate::settings::{BrokerSettings, Names};
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId, Notification};
use tidings_domain::retry::{Attempt, Ladder};

/// `delivery-mode` 2: the broker keeps the message on disk.
const PERSISTENT: u8 = 2;

/// Why a message is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable code.
    pub reason: &'static str,
    /// For people. In our own words it never holds payloads or addresses.
    pub detail: String,
    /// Whether `detail` quotes somebody else, who may have named the address: nothing for a log.
    pub quoted: bool,
}

impl Failure {
    /// In our own words.
    #[must_use]
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            quoted: false,
        }
    }

    /// In somebody else's words.
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
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    /// Where it goes to.
    #[must_use]
    pub const fn exchange(&self) -> &ShortString {
        &self.exchange
    }

    /// Its attempt.
    #[must_use]
    pub const fn routing_key(&self) -> &ShortString {
        &self.routing_key
    }

    /// Its properties.
    #[must_use]
    pub const fn properties(&self) -> &BasicProperties {
        &self.properties
    }

    /// The message.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Knows where messages of an installation go: makes an [`Outgoing`] of each kind.
#[derive(Clone, Debug)]
pub struct Router {
    names: Names,
    exchange: ShortString,
    first_attempt: ShortString,
}

impl Router {
    /// For the names and the ladder of `settings`.
    #[must_use]
    pub fn new(settings: &BrokerSettings) -> Self {
        Self::with(&settings.names, settings.ladder)
    }

    fn with(names: &Names, ladder: Ladder) -> Self {
        Self {
            names: names.clone(),
            exchange: names.exchange.as_str().into(),
            first_attempt: Attempt::first(ladder).to_string().into(),
        }
    }

    /// A notification for the intake. `request_id` becomes the correlation id.
    #[must_use]
    pub fn intake(&self, notification: &Notification, request_id: &str) -> Outgoing {
        let properties = persistent(notification.message_id, Destination::Intake)
            .with_correlation_id(request_id.into());
        self.first(properties, notification.encode())
    }

    /// The request to deliver a recorded notification.
    #[must_use]
    pub fn delivery(&self, channel: DeliveredChannel, message_id: MessageId) -> Outgoing {
        let properties = persistent(message_id, Destination::Delivery(channel));
        self.first(properties, DeliveryRequest { message_id }.encode())
    }

    fn first(&self, properties: BasicProperties, body: Vec<u8>) -> Outgoing {
        Outgoing {
            exchange: self.exchange.clone(),
            routing_key: self.first_attempt.clone(),
            properties,
            body,
        }
    }

    /// A message that is tried again from its first attempt, as a replay does. What the broker and
    /// the dead-lettering added to it is gone.
    #[must_use]
    pub fn replay(&self, properties: &BasicProperties, body: Vec<u8>) -> Outgoing {
        self.first(stripped(properties), body)
    }

    /// A message that comes back to its own queue after `time` as the same attempt, with
    /// `not_before` for whoever reads it then.
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
            body: envelope.body.clone(),
        }
    }

    /// A dead letter, addressed to the dead-letter queue itself.
    #[must_use]
    pub fn dead_letter(&self, envelope: &Envelope, failure: &Failure) -> Outgoing {
        let mut properties = stripped(&envelope.properties);
        for (name, value) in [
            (header::FAILURE_REASON, failure.reason.to_owned()),
            (
                header::FAILURE_DETAIL,
                failure.detail.chars().take(500).collect(),
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
        Outgoing {
            exchange: "".into(),
            routing_key: self.names.dlq.as_str().into(),
            properties: properties.with_headers(headers),
            body: envelope.body.clone(),
        }
    }
}

fn persistent(message_id: MessageId, destination: Destination) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(
        header::CHANNEL.into(),
        AMQPValue::LongString(destination.as_str().into()),
    );
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.to_string().into())
        .with_headers(headers)
}

/// The properties that a message takes along when it is published again.
///
/// Not its headers `x-…`: what the broker notes of its way (`x-death`, `x-delivery-count`) would grow
/// without end, and what a dead letter says of its failure does not hold for its next life. Not `CC`
/// and `BCC`, which would route it elsewhere too; not `expiration`, by which a dead letter would vanish;
/// not `user-id`, which the broker accepts of that user alone, closing the channel of any other.
fn stripped(properties: &BasicProperties) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(old) = properties.headers() {
        for (name, value) in old.inner() {
            let of_the_past = name.as_str().starts_with("x-");
            if !of_the_past && !["CC", "BCC"].contains(&name.as_str()) {
                headers.insert(name.clone(), value.clone());
            }
        }
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
mod tests {
    use super::*;
    use tidings_settings::Reader;

    fn router() -> Router {
        let vars = [("RABBITMQ_URL".to_owned(), "amqp://127.0.0.1".to_owned())];
        Router::new(&BrokerSettings::read(&mut Reader::from_vars(vars)).expect("settings"))
    }

    fn delivered(sent: Outgoing, routing_key: &str) -> Envelope {
        Envelope::new(routing_key, sent.properties, sent.body)
    }

    fn headers(outgoing: &Outgoing) -> Vec<String> {
        let headers = outgoing.properties.headers().clone().unwrap_or_default();
        headers.inner().keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dead_letter_keeps_its_channel_and_says_why_and_a_replay_forgets_it() {
        let id = MessageId::generate();
        let sent = router().delivery(DeliveredChannel::Sms, id);
        let failure = Failure::new("unknown_user", "no such user".to_owned());
        let delivered = delivered(sent, "attempt.3.3x1x1x1");
        let dead = router().dead_letter(&delivered, &failure);
        assert_eq!(dead.exchange.as_str(), "");
        assert_eq!(dead.routing_key.as_str(), "notifications_dlq");
        assert_eq!(
            headers(&dead),
            [
                "channel",
                "x-attempts",
                "x-failed-at",
                "x-failure-detail",
                "x-failure-reason"
            ]
        );
        let replayed = router().replay(&dead.properties, dead.body);
        assert_eq!(headers(&replayed), ["channel"]);
        assert_eq!(
            Destination::of(&replayed.properties),
            Some(Destination::Delivery(DeliveredChannel::Sms))
        );
        assert_eq!(replayed.routing_key.as_str(), "attempt.0.8x1000x5x3600000");
        assert_eq!(
            replayed
                .properties
                .message_id()
                .as_ref()
                .map(ShortString::as_str),
            Some(id.to_string().as_str())
        );
    }

    #[test]
    fn what_a_stranger_set_does_not_reach_the_dead_letter_queue_by_us() {
        let sent = router().delivery(DeliveredChannel::Sms, MessageId::generate());
        let mut table = sent.properties.headers().clone().unwrap_or_default();
        table.insert("CC".into(), AMQPValue::LongString("elsewhere".into()));
        let properties = sent
            .properties
            .clone()
            .with_headers(table)
            .with_user_id("somebody".into())
            .with_expiration("1".into());
        let failure = Failure::new("undecodable", String::new());
        let foreign = delivered(Outgoing { properties, ..sent }, "attempt.0.3x1x1x1");
        let dead = router().dead_letter(&foreign, &failure);
        assert_eq!(dead.properties.user_id(), &None);
        assert_eq!(dead.properties.expiration(), &None);
        assert!(!headers(&dead).contains(&"CC".to_owned()));
    }

    #[test]
    fn a_deferred_message_stays_the_same_attempt_and_says_until_when() {
        let sent = router().delivery(DeliveredChannel::Email, MessageId::generate());
        let until: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        let delivered = delivered(sent, "attempt.2.3x1x1x1");
        let deferred = router().deferred(&delivered, WaitTime::HalfMinute, Some(until));
        assert_eq!(deferred.exchange.as_str(), "notifications.wait.30s");
        assert_eq!(deferred.routing_key.as_str(), "attempt.2.3x1x1x1");
        assert_eq!(headers(&deferred), ["channel", "x-not-before"]);
    }
}
