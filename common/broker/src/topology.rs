use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldTable, LongString};
use serde::Serialize;

use super::event::EventKind;
use super::stage::Stage;
use super::wait_time::WaitTime;
use crate::settings::{BrokerSettings, TopologyNames};
use tidings_domain::retry::{Attempt, Ladder};

/// High enough never to be reached, because the routing key counts the attempts. Without it, RabbitMQ 4 dead-letters a
/// message after 20 requeues. `-1` means "no limit" to RabbitMQ 4, but makes 3.10 drop a message at its first requeue.
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// Everything that is declared on the broker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topology {
    /// The exchanges, in the order of their declaration.
    pub exchanges: Vec<Exchange>,
    /// The queues with their bindings. The dead-letter queue is first, so that it exists before a message can be
    /// dead-lettered.
    pub queues: Vec<Queue>,
}

/// The exchange types of AMQP that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeType {
    /// Routes by headers.
    Headers,
    /// Routes by the exact routing key.
    Direct,
    /// Routes everything to every queue.
    Fanout,
}

impl ExchangeType {
    /// The name in AMQP.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Direct => "direct",
            Self::Fanout => "fanout",
        }
    }

    pub(super) const fn to_lapin(self) -> ExchangeKind {
        match self {
            Self::Headers => ExchangeKind::Headers,
            Self::Direct => ExchangeKind::Direct,
            Self::Fanout => ExchangeKind::Fanout,
        }
    }
}

/// A durable exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeType,
    /// The alternate exchange, which gets the messages that cannot be routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate: Option<String>,
}

/// A durable quorum queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// The name.
    pub name: String,
    /// The dead-letter exchange, which gets messages that are rejected or expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_exchange: Option<String>,
    /// The routing key of dead-lettered messages. Without it, they keep their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_routing_key: Option<String>,
    /// The message TTL in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_ttl_ms: Option<i64>,
    /// The number of replicas. Without it, the broker decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum_size: Option<u16>,
    /// The bindings.
    pub bindings: Vec<Binding>,
}

/// A binding of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "on", rename_all = "camelCase")]
pub enum Binding {
    /// By the header `channel`.
    Header {
        /// The exchange.
        exchange: String,
        /// The header's value.
        channel: &'static str,
    },
    /// By the routing key.
    Key {
        /// The exchange.
        exchange: String,
        /// The exact routing key.
        key: String,
    },
    /// Everything.
    All {
        /// The exchange.
        exchange: String,
    },
}

impl Exchange {
    /// The arguments of `exchange.declare`.
    #[must_use]
    pub fn arguments(&self) -> FieldTable {
        let mut table = FieldTable::default();
        if let Some(alternate) = &self.alternate {
            put(&mut table, "alternate-exchange", text(alternate));
        }
        table
    }
}

impl Queue {
    /// The arguments of `queue.declare`.
    #[must_use]
    pub fn arguments(&self) -> FieldTable {
        let mut table = FieldTable::default();
        put(&mut table, "x-queue-type", text("quorum"));
        put(
            &mut table,
            "x-delivery-limit",
            AMQPValue::LongLongInt(NO_DELIVERY_LIMIT),
        );
        if let Some(size) = self.quorum_size {
            put(
                &mut table,
                "x-quorum-initial-group-size",
                AMQPValue::LongLongInt(size.into()),
            );
        }
        if let Some(exchange) = &self.dead_letter_exchange {
            put(&mut table, "x-dead-letter-exchange", text(exchange));
            // The broker removes the original only after the dead-lettered copy is confirmed. This requires that a
            // full queue rejects messages instead of dropping its oldest one.
            put(&mut table, "x-dead-letter-strategy", text("at-least-once"));
            put(&mut table, "x-overflow", text("reject-publish"));
        }
        if let Some(key) = &self.dead_letter_routing_key {
            put(&mut table, "x-dead-letter-routing-key", text(key));
        }
        if let Some(ttl) = self.message_ttl_ms {
            put(&mut table, "x-message-ttl", AMQPValue::LongLongInt(ttl));
        }
        table
    }
}

fn put(table: &mut FieldTable, name: &str, value: AMQPValue) {
    table.insert(name.into(), value);
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

impl Topology {
    /// The topology of an installation with these settings.
    #[must_use]
    pub fn of(settings: &BrokerSettings) -> Self {
        let names = &settings.names;
        let mut queues = vec![dead_letter_queue(names, &settings.ladder)];
        queues.extend(WaitTime::ALL.map(|time| wait_queue(names, time)));
        queues.extend(
            settings
                .ladder
                .rungs()
                .map(|n| rung(names, &settings.ladder, n)),
        );
        queues.extend(Stage::ALL.map(|stage| work_queue(names, stage)));
        for queue in &mut queues {
            queue.quorum_size = settings.quorum_size;
        }
        Self {
            exchanges: exchanges(names),
            queues,
        }
    }
}

fn exchanges(names: &TopologyNames) -> Vec<Exchange> {
    let unrouted = names.unrouted_exchange();
    let mut exchanges = vec![
        Exchange {
            name: unrouted.clone(),
            kind: ExchangeType::Fanout,
            alternate: None,
        },
        // A published message that cannot be routed would be lost, and a dead-lettered one would block dead-lettering
        // for minutes. Hence the alternate exchange on both.
        Exchange {
            name: names.exchange.clone(),
            kind: ExchangeType::Headers,
            alternate: Some(unrouted.clone()),
        },
        Exchange {
            name: names.retry_exchange(),
            kind: ExchangeType::Direct,
            alternate: Some(unrouted.clone()),
        },
        // An event with a routing key that is not known becomes a dead letter.
        Exchange {
            name: names.events_exchange(),
            kind: ExchangeType::Direct,
            alternate: Some(unrouted),
        },
    ];
    // Wakes are hints: one that no queue gets is dropped.
    exchanges.push(Exchange {
        name: names.wakes_exchange(),
        kind: ExchangeType::Fanout,
        alternate: None,
    });
    exchanges.extend(WaitTime::ALL.map(|time| Exchange {
        name: names.wait(time.label()),
        kind: ExchangeType::Fanout,
        alternate: None,
    }));
    exchanges
}

fn queue(name: String, bindings: Vec<Binding>) -> Queue {
    Queue {
        name,
        dead_letter_exchange: None,
        dead_letter_routing_key: None,
        message_ttl_ms: None,
        quorum_size: None,
        bindings,
    }
}

fn dead_letter_queue(names: &TopologyNames, ladder: &Ladder) -> Queue {
    let past_the_last = Attempt {
        number: ladder.max,
        ladder: *ladder,
    };
    queue(
        names.dlq.clone(),
        vec![
            Binding::Key {
                exchange: names.retry_exchange(),
                key: past_the_last.to_string(),
            },
            Binding::All {
                exchange: names.unrouted_exchange(),
            },
        ],
    )
}

/// Has no dead-letter routing key, so that a message keeps its attempt.
fn wait_queue(names: &TopologyNames, time: WaitTime) -> Queue {
    let name = names.wait(time.label());
    Queue {
        dead_letter_exchange: Some(names.exchange.clone()),
        message_ttl_ms: Some(millis(time.duration())),
        ..queue(name.clone(), vec![Binding::All { exchange: name }])
    }
}

fn rung(names: &TopologyNames, ladder: &Ladder, n: u32) -> Queue {
    let attempt = |number| {
        Attempt {
            number,
            ladder: *ladder,
        }
        .to_string()
    };
    let binding = Binding::Key {
        exchange: names.retry_exchange(),
        key: attempt(n - 1),
    };
    Queue {
        dead_letter_exchange: Some(names.exchange.clone()),
        dead_letter_routing_key: Some(attempt(n)),
        message_ttl_ms: Some(millis(ladder.delay(n))),
        ..queue(names.retry_queue(ladder, n), vec![binding])
    }
}

fn work_queue(names: &TopologyNames, stage: Stage) -> Queue {
    if let Stage::Event(kind) = stage {
        return event_queue(names, kind);
    }
    let binding = Binding::Header {
        exchange: names.exchange.clone(),
        channel: stage.as_str(),
    };
    Queue {
        dead_letter_exchange: Some(names.retry_exchange()),
        ..queue(stage.queue(names), vec![binding])
    }
}

/// Has no ladder: an event that is rejected becomes a dead letter.
fn event_queue(names: &TopologyNames, kind: EventKind) -> Queue {
    let binding = Binding::Key {
        exchange: names.events_exchange(),
        key: kind.routing_key().to_owned(),
    };
    Queue {
        dead_letter_exchange: Some(names.unrouted_exchange()),
        ..queue(kind.queue(names), vec![binding])
    }
}

fn millis(delay: std::time::Duration) -> i64 {
    i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
