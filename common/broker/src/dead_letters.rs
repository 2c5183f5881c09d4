use jiff::{SignedDuration, Timestamp};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, ShortString};
use serde_json::{Map, Value};

use super::dead_letter_sweep::DeadLetterSubject;
use super::event::EventKind;
use super::header::{self, as_text};
use super::stage::Stage;
use super::table_json::{properties_json, table_json};
use tidings_domain::notification::{Channel, Notification, UserId};
use tidings_domain::retry::Attempt;

/// A message of the dead-letter queue. It stays in the queue until it is removed.
#[derive(Debug)]
pub struct DeadLetter {
    /// The message id in its properties.
    pub message_id: Option<String>,
    /// The stage in which it failed, or `None` if its header names none.
    pub stage: Option<Stage>,
    /// A stable code, such as `unknown_user`, or `unrouted` if the broker found no queue for the message.
    pub reason: String,
    /// The reason for people.
    pub detail: Option<String>,
    /// When it became a dead letter.
    pub failed_at: Option<Timestamp>,
    /// How often the message was tried.
    pub attempts: Option<i64>,
    /// The properties as they were published.
    pub(super) properties: BasicProperties,
    pub(super) routing_key: ShortString,
    /// Whether RabbitMQ put it into the dead-letter queue although it has attempts left: it found no queue for it.
    pub(super) unrouted: bool,
    moved_by_broker: bool,
    /// The body as it was published.
    pub body: Vec<u8>,
    pub(super) delivery_tag: u64,
}

/// Whether the body of a message contains a payload that must not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodySensitivity {
    /// The body contains no sensitive payload.
    Plain,
    /// The notification in the body is sensitive.
    Sensitive,
    /// The notification is sensitive if its template is.
    OfTemplate {
        /// The name of the template.
        name: String,
        /// The channel.
        channel: Channel,
    },
}

impl BodySensitivity {
    /// Reads the body of a message. A body that no program of Tidings has written is plain, unless it says that it is
    /// sensitive.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        match Notification::decode(body) {
            Ok(notification) if notification.sensitive => Self::Sensitive,
            Ok(Notification {
                template: Some(template),
                channel,
                ..
            }) => Self::OfTemplate {
                name: template.name,
                channel,
            },
            Ok(_) => Self::Plain,
            Err(_) => {
                let body: Value = serde_json::from_slice(body).unwrap_or_default();
                match &body["sensitive"] {
                    Value::Null | Value::Bool(false) => Self::of_event(&body),
                    _ => Self::Sensitive,
                }
            }
        }
    }
}

impl BodySensitivity {
    /// That of the body of an event.
    fn of_event(body: &Value) -> Self {
        let (name, channel) = if let Some(name) = body["template_name"].as_str() {
            (Some(name), Some(Channel::Email))
        } else {
            let channel = body["type"].as_str().and_then(|text| text.parse().ok());
            (body["template"]["name"].as_str(), channel)
        };
        match (name, channel) {
            (Some(name), Some(channel)) => Self::OfTemplate {
                name: name.to_owned(),
                channel,
            },
            _ => Self::Plain,
        }
    }
}

impl From<Delivery> for DeadLetter {
    fn from(delivery: Delivery) -> Self {
        Self::new(
            delivery.routing_key.as_str(),
            delivery.properties,
            delivery.data,
            delivery.delivery_tag,
        )
    }
}

impl DeadLetter {
    pub(super) fn new(
        routing_key: &str,
        properties: BasicProperties,
        body: Vec<u8>,
        delivery_tag: u64,
    ) -> Self {
        let value = |name: &str| properties.headers().as_ref()?.inner().get(name).cloned();
        let reason = value(header::FAILURE_REASON);
        let used_up = has_died(&properties) && is_last_attempt(routing_key);
        let text = |name: &str| value(name).as_ref().and_then(as_text).map(str::to_owned);
        Self {
            message_id: properties.message_id().as_ref().map(ShortString::to_string),
            // An event has no such header before it is a dead letter of its stage.
            stage: Stage::of(&properties)
                .or_else(|| EventKind::from_routing_key(routing_key).map(Stage::Event)),
            reason: text(header::FAILURE_REASON).unwrap_or_else(|| {
                let reason = if used_up { ATTEMPTS_USED_UP } else { UNROUTED };
                reason.to_owned()
            }),
            routing_key: routing_key.into(),
            unrouted: reason.is_none() && !used_up,
            moved_by_broker: reason.is_none(),
            detail: text(header::FAILURE_DETAIL),
            failed_at: text(header::FAILED_AT).and_then(|time| time.parse().ok()),
            attempts: match value(header::ATTEMPTS) {
                Some(AMQPValue::LongLongInt(n)) => Some(n),
                Some(AMQPValue::LongInt(n)) => Some(n.into()),
                _ => broker_attempts(&properties, routing_key),
            },
            delivery_tag,
            body,
            properties,
        }
    }

    /// Whether RabbitMQ itself has put the message into the dead-letter queue: no stage has recorded that.
    #[must_use]
    pub const fn is_moved_by_broker(&self) -> bool {
        self.moved_by_broker
    }

    /// Whether a dead letter with this reason was put into the dead-letter queue by RabbitMQ itself.
    #[must_use]
    pub fn is_reason_of_broker(reason: &str) -> bool {
        [UNROUTED, ATTEMPTS_USED_UP].contains(&reason)
    }

    /// Whether the body contains a payload that must not be shown.
    #[must_use]
    pub fn sensitivity(&self) -> BodySensitivity {
        BodySensitivity::of(&self.body)
    }

    /// Whom the message is about. An event of another program names its user, too.
    #[must_use]
    pub fn subject(&self) -> DeadLetterSubject {
        DeadLetterSubject {
            message_id: self.message_id.as_deref().and_then(|id| id.parse().ok()),
            user: named_user(&self.body),
        }
    }

    /// When the message became a dead letter, as far as that is known: by its own header, or by the broker's.
    #[must_use]
    pub fn dead_since(&self) -> Option<Timestamp> {
        self.failed_at.or_else(|| last_death(&self.properties))
    }

    /// The properties that are set, without the headers, as JSON.
    #[must_use]
    pub fn properties_json(&self) -> Map<String, Value> {
        properties_json(&self.properties)
    }

    /// The headers as JSON.
    #[must_use]
    pub fn headers_json(&self) -> Map<String, Value> {
        self.properties
            .headers()
            .as_ref()
            .map_or_else(Map::new, table_json)
    }
}

/// The user in a body, which is that of a notification or of an event.
pub(super) fn named_user(body: &[u8]) -> Option<UserId> {
    if let Ok(notification) = Notification::decode(body) {
        return notification.user_id;
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut ids = ["targetUserId", "userId", "user_id"].into_iter();
    ids.find_map(|name| body[name].as_str()?.parse().ok())
}

/// The reason of a dead letter that the broker has moved after its last attempt.
const ATTEMPTS_USED_UP: &str = "attempts_used_up";

/// The reason of a dead letter for which the broker found no queue.
const UNROUTED: &str = "unrouted";

/// Whether the broker sends a message with this routing key to the dead-letter queue when it is rejected: after the last
/// rung of the ladder. A routing key that cannot be read counts as used up.
fn is_last_attempt(routing_key: &str) -> bool {
    let attempt = Attempt::from_routing_key(routing_key);
    attempt.is_none_or(|attempt| attempt.number >= attempt.ladder.max)
}

/// How often a message was tried that the broker dead-lettered. The routing key counts from 0.
fn broker_attempts(properties: &BasicProperties, routing_key: &str) -> Option<i64> {
    let attempt = Attempt::from_routing_key(routing_key).filter(|_| has_died(properties))?;
    Some(i64::from(attempt.number) + 1)
}

/// When the broker dead-lettered a message last: the end of the second, because its times are cut off to seconds. Otherwise a
/// letter that was replayed in the same second would count as replayed after this.
fn last_death(properties: &BasicProperties) -> Option<Timestamp> {
    let headers = properties.headers().as_ref()?;
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else {
        return None;
    };
    let times = deaths.as_slice().iter().filter_map(|death| match death {
        AMQPValue::FieldTable(death) => match death.inner().get("time") {
            Some(AMQPValue::Timestamp(seconds)) => i64::try_from(*seconds).ok(),
            _ => None,
        },
        _ => None,
    });
    let second = Timestamp::from_second(times.max()?).ok()?;
    second.checked_add(SignedDuration::from_millis(999)).ok()
}

fn has_died(properties: &BasicProperties) -> bool {
    let headers = properties.headers().as_ref();
    headers.is_some_and(|headers| headers.contains_key("x-death"))
}
