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
fn a_rung_turns_an_attempt_into_the_next() {
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
fn the_dead_letter_queue_gets_messages_after_the_last_rung_and_unrouted_ones() {
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
fn an_event_is_routed_by_its_kind_and_becomes_a_dead_letter_if_it_is_rejected() {
    let topology = topology(&[]);
    let queue = find(&topology, "notifications_queue.events.email.send");
    let expected = Binding::Key {
        exchange: "notifications.events".to_owned(),
        key: "email.send".to_owned(),
    };
    assert_eq!(queue.bindings, [expected]);
    let unrouted = Some("notifications.unrouted");
    assert_eq!(queue.dead_letter_exchange.as_deref(), unrouted);
    let exchanges = topology.exchanges.iter();
    let events = exchanges.filter(|it| it.name == "notifications.events");
    let kinds: Vec<_> = events
        .map(|it| (it.kind, it.alternate.as_deref()))
        .collect();
    assert_eq!(kinds, [(ExchangeType::Direct, unrouted)]);
}

#[test]
fn every_queue_is_a_quorum_queue_that_drops_no_message() {
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
fn every_exchange_has_an_alternate_exchange_or_routes_everything() {
    for exchange in topology(&[]).exchanges {
        assert!(
            exchange.kind == ExchangeType::Fanout || exchange.alternate.is_some(),
            "{}",
            exchange.name
        );
    }
}
