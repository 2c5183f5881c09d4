use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldTable, LongString};
use serde::Serialize;

use super::destination::Destination;
use super::wait_time::WaitTime;
use crate::settings::{BrokerSettings, Names};
use tidings_domain::retry::{Attempt, Ladder};

/// High enough never to be reached, because our own count is the routing key: a broker of version
/// 4 would otherwise dead-letter a message after 20 requeues. (`-1` would say "none" to version 4,
/// but makes 3.10 drop a message at its first requeue.)
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// Everything that is declared on the broker, as values. DESIGN: RabbitMQ topology.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topology {
    /// In the order of their declaration.
    pub exchanges: Vec<Exchange>,
    /// With their bindings; the dead-letter queue first, so that whatever is declared after it has
    /// somewhere to fail to.
    pub queues: Vec<Queue>,
}

/// AMQP's exchange types, those that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Routes by headers.
    Headers,
    /// Routes by the exact routing key.
    Direct,
    /// Routes everything to every queue.
    Fanout,
}

impl Kind {
    pub(super) const fn of_amqp(self) -> ExchangeKind {
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
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: Kind,
    /// Where what it cannot route goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate: Option<String>,
}

/// A durable quorum queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Where its messages go when they are refused or when their time is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_exchange: Option<String>,
    /// The routing key they go with; their own where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_routing_key: Option<String>,
    /// How long a message stays, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_ttl_ms: Option<i64>,
    /// Replicas, where they are not left to the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum_size: Option<u16>,
    /// What leads to it.
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
            // The broker confirms a dead letter's arrival before it removes the original. It can
            // do so only where a full queue refuses instead of dropping its oldest message.
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
    /// What an installation with these settings needs.
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
        queues.extend(Destination::ALL.map(|destination| work_queue(names, destination)));
        for queue in &mut queues {
            queue.quorum_size = settings.quorum_size;
        }
        Self {
            exchanges: exchanges(names),
            queues,
        }
    }
}

fn exchanges(names: &Names) -> Vec<Exchange> {
    let unrouted = names.unrouted_exchange();
    let mut exchanges = vec![
        Exchange {
            name: unrouted.clone(),
            kind: Kind::Fanout,
            alternate: None,
        },
        // What cannot be routed would vanish from a publish, and would block the broker's own
        // dead-lettering for minutes: hence the alternate exchange on both.
        Exchange {
            name: names.exchange.clone(),
            kind: Kind::Headers,
            alternate: Some(unrouted.clone()),
        },
        Exchange {
            name: names.retry_exchange(),
            kind: Kind::Direct,
            alternate: Some(unrouted),
        },
    ];
    exchanges.extend(WaitTime::ALL.map(|time| Exchange {
        name: names.wait(time.label()),
        kind: Kind::Fanout,
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

fn dead_letter_queue(names: &Names, ladder: &Ladder) -> Queue {
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

/// No routing key of its own: a message leaves as the same attempt that it came as.
fn wait_queue(names: &Names, time: WaitTime) -> Queue {
    let name = names.wait(time.label());
    Queue {
        dead_letter_exchange: Some(names.exchange.clone()),
        message_ttl_ms: Some(millis(time.duration())),
        ..queue(name.clone(), vec![Binding::All { exchange: name }])
    }
}

fn rung(names: &Names, ladder: &Ladder, n: u32) -> Queue {
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

fn work_queue(names: &Names, destination: Destination) -> Queue {
    let binding = Binding::Header {
        exchange: names.exchange.clone(),
        channel: destination.as_str(),
    };
    Queue {
        dead_letter_exchange: Some(names.retry_exchange()),
        ..queue(destination.queue(names), vec![binding])
    }
}

fn millis(delay: std::time::Duration) -> i64 {
    i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_settings::Reader;

    fn topology(vars: &[(&str, &str)]) -> Topology {
        let url = [("RABBITMQ_URL", "amqp://127.0.0.1")];
        let vars = url
            .iter()
            .chain(vars)
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Topology::of(&BrokerSettings::read(&mut Reader::from_vars(vars)).expect("settings"))
    }

    fn find<'a>(topology: &'a Topology, name: &str) -> &'a Queue {
        topology
            .queues
            .iter()
            .find(|queue| queue.name == name)
            .expect(name)
    }

    #[test]
    fn a_rung_leads_from_one_attempt_to_the_next() {
        let topology = topology(&[]);
        let second = find(&topology, "notifications_queue.retry.8x1000x5x3600000.2");
        assert_eq!(second.message_ttl_ms, Some(5000));
        assert_eq!(
            second.dead_letter_exchange.as_deref(),
            Some("notifications")
        );
        assert_eq!(
            second.dead_letter_routing_key.as_deref(),
            Some("attempt.2.8x1000x5x3600000")
        );
        assert_eq!(
            second.bindings,
            [Binding::Key {
                exchange: "notifications.retry".to_owned(),
                key: "attempt.1.8x1000x5x3600000".to_owned(),
            }]
        );
    }

    #[test]
    fn the_dead_letter_queue_takes_what_is_past_the_last_rung_and_what_finds_no_queue() {
        let topology = topology(&[("MAX_RETRIES", "0"), ("WEBHOOK_MAX_RETRIES", "0")]);
        let dlq = find(&topology, "notifications_dlq");
        assert_eq!(
            dlq.bindings,
            [
                Binding::Key {
                    exchange: "notifications.retry".to_owned(),
                    key: "attempt.0.0x1000x5x3600000".to_owned()
                },
                Binding::All {
                    exchange: "notifications.unrouted".to_owned()
                },
            ]
        );
        assert!(
            !topology
                .queues
                .iter()
                .any(|queue| queue.name.contains(".retry."))
        );
    }

    #[test]
    fn every_queue_is_a_quorum_queue_that_never_drops_a_message() {
        for queue in topology(&[("QUORUM_SIZE", "3")]).queues {
            let arguments = queue.arguments();
            let of = |name: &str| arguments.inner().get(name).cloned();
            assert_eq!(of("x-queue-type"), Some(text("quorum")));
            assert_eq!(
                of("x-delivery-limit"),
                Some(AMQPValue::LongLongInt(1_000_000_000))
            );
            assert_eq!(
                of("x-quorum-initial-group-size"),
                Some(AMQPValue::LongLongInt(3))
            );
            assert_eq!(of("x-max-length"), None);
            if queue.dead_letter_exchange.is_some() {
                assert_eq!(of("x-dead-letter-strategy"), Some(text("at-least-once")));
                assert_eq!(of("x-overflow"), Some(text("reject-publish")));
            }
        }
    }

    #[test]
    fn whatever_cannot_be_routed_has_somewhere_to_go() {
        for exchange in topology(&[]).exchanges {
            assert!(
                exchange.kind == Kind::Fanout || exchange.alternate.is_some(),
                "{}",
                exchange.name
            );
        }
    }
}
