use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};
use serde_json::Value;
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, Notification};
use tidings_domain::retry::{Attempt, Ladder};

use super::{Failure, Outgoing, persistent, stripped, with_header};
use crate::dead_letters::{BodySensitivity, DeadLetter};
use crate::envelope::Envelope;
use crate::header;
use crate::letter_parts::restored;
use crate::settings::{BrokerSettings, TopologyNames};
use crate::stage::Stage;
use crate::wait_time::WaitTime;

/// The longest detail of a dead letter, in characters: enough for what is wrong with every field of a notification.
const MAX_DETAIL: usize = 2000;

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
