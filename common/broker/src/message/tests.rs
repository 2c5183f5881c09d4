use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::notification::DeliveredChannel;
use tidings_settings::Reader;

use super::*;
use crate::WaitKey;
use crate::dead_letters::DeadLetter;
use crate::envelope::Envelope;
use crate::settings::BrokerSettings;
use crate::wait_time::WaitTime;

fn message_factory() -> MessageFactory {
    let vars = [("RABBITMQ_URL".to_owned(), "amqp://127.0.0.1".to_owned())];
    MessageFactory::new(&BrokerSettings::read(&mut Reader::from_vars(vars)).expect("settings"))
}

fn delivered(sent: Outgoing, routing_key: &str) -> Envelope {
    Envelope::new(routing_key, sent.properties, sent.body.into())
}

fn headers(outgoing: &Outgoing) -> Vec<String> {
    let headers = outgoing.properties.headers().clone().unwrap_or_default();
    headers.inner().keys().map(ToString::to_string).collect()
}

#[test]
fn only_the_dead_letter_of_a_sensitive_payload_expires() {
    let factory = message_factory().keeping_sensitive_for(Duration::from_hours(24));
    let body = |text: &str| Envelope::of_body(text.as_bytes().to_vec());
    let failure = Failure::new("unknown_user", "");
    for (text, expiration) in [
        (r#"{"v":2,"sensitive":true}"#, Some("86400000")),
        (r#"{"v":2,"sensitive":false}"#, None),
        (r#"{"v":1,"messageId":"x"}"#, None),
        ("sensitive", None),
    ] {
        let letter = factory.dead_letter(&body(text), &failure);
        let found = letter.properties.expiration().as_ref();
        assert_eq!(found.map(ShortString::as_str), expiration, "{text}");
    }
}

#[test]
fn a_dead_letter_keeps_its_channel_and_names_its_reason_and_a_replay_removes_the_reason() {
    let id = MessageId::generate();
    let sent = message_factory().delivery(DeliveredChannel::Sms, id, Some("r-1"));
    let failure = Failure::new("unknown_user", "no such user".to_owned());
    let delivered = delivered(sent, "attempt.3.3x1x1x1");
    let dead = message_factory().dead_letter(&delivered, &failure);
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
    let dead = DeadLetter::new(
        dead.routing_key.as_str(),
        dead.properties,
        dead.body.into(),
        1,
    );
    let replayed = message_factory().replay(&dead);
    assert_eq!(headers(&replayed), ["channel"]);
    let request_id = replayed.properties.correlation_id().as_ref();
    assert_eq!(request_id.map(ShortString::as_str), Some("r-1"));
    assert_eq!(
        Stage::of(&replayed.properties),
        Some(Stage::Delivery(DeliveredChannel::Sms))
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
fn the_dead_letter_of_an_event_returns_to_its_queue_under_its_key() {
    let kind = crate::EventKind::NotificationSend;
    let mut table = FieldTable::default();
    // As if it were one of our own messages.
    for (name, value) in [("channel", "intake"), ("x-idempotency-key", "order-17")] {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let properties = BasicProperties::default().with_headers(table);
    let event = Envelope::new(kind.routing_key(), properties, b"{}".to_vec());
    let factory = message_factory().naming_stage(Stage::Event(kind));
    let dead = factory.dead_letter(&event, &Failure::new("missing_fields", ""));
    let dead = DeadLetter::new("notifications_dlq", dead.properties, dead.body.into(), 1);
    assert_eq!(dead.stage, Some(Stage::Event(kind)));
    let replayed = factory.replay(&dead);
    assert_eq!(replayed.exchange.as_str(), "notifications.events");
    assert_eq!(replayed.routing_key.as_str(), "notification.send");
    let again = delivered(replayed, kind.routing_key());
    assert_eq!(again.idempotency_key(), Ok(Some("order-17")));
}

#[test]
fn a_dead_letter_drops_properties_that_would_route_or_delete_it() {
    let sent = message_factory().delivery(DeliveredChannel::Sms, MessageId::generate(), None);
    let mut table = sent.properties.headers().clone().unwrap_or_default();
    table.insert("CC".into(), AMQPValue::LongString("elsewhere".into()));
    table.insert(
        "x".into(),
        AMQPValue::LongString("y".repeat(130_900).into()),
    );
    let properties = sent
        .properties
        .clone()
        .with_headers(table)
        .with_user_id("somebody".into())
        .with_expiration("1".into());
    let failure = Failure::new("undecodable", String::new());
    let foreign = delivered(Outgoing { properties, ..sent }, "attempt.0.3x1x1x1");
    let dead = message_factory().dead_letter(&foreign, &failure);
    assert_eq!(dead.properties.user_id(), &None);
    assert_eq!(dead.properties.expiration(), &None);
    assert!(
        headers(&dead)
            .iter()
            .all(|name| name == "channel" || name.starts_with("x-"))
    );
    assert!(crate::frame_size::header_frame_size(&dead.properties) < 1024);
}

#[test]
fn a_deferred_message_keeps_its_attempt_and_names_its_time() {
    let sent = message_factory().delivery(DeliveredChannel::Email, MessageId::generate(), None);
    let until: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
    let delivered = delivered(sent, "attempt.2.3x1x1x1");
    let deferred = message_factory().deferred(&delivered, WaitTime::HalfMinute, Some(until));
    assert_eq!(deferred.exchange.as_str(), "notifications.wait.30s");
    assert_eq!(deferred.routing_key.as_str(), "attempt.2.3x1x1x1");
    assert_eq!(headers(&deferred), ["channel", "x-not-before"]);
}

#[test]
fn a_message_says_what_it_waits_for_until_it_is_deferred_for_another_reason() {
    let waits_for = WaitsFor {
        keys: vec![WaitKey::new(7), WaitKey::new(u128::MAX)],
        row_read_at: Some("2026-01-01T00:00:00Z".parse().expect("a timestamp")),
    };
    let sent = message_factory()
        .delivery(DeliveredChannel::Webhook, MessageId::generate(), None)
        .waiting_for(&waits_for);
    let delivered = delivered(sent, "attempt.0.3x1x1x1");
    assert_eq!(delivered.waits_for(), Some(waits_for));
    let deferred = message_factory().deferred(&delivered, WaitTime::Second, None);
    assert_eq!(headers(&deferred), ["channel"]);
    let again = message_factory()
        .deferred(&delivered, WaitTime::Second, None)
        .waiting_for(&WaitsFor::key(WaitKey::new(1)));
    assert_eq!(headers(&again), ["channel", "x-waits-for"]);
}

#[test]
fn foreign_keys_are_ignored() {
    for text in ["", "no", "+1", &"0".repeat(33), &"0 ".repeat(100)] {
        let sent = message_factory().delivery(DeliveredChannel::Sms, MessageId::generate(), None);
        let properties = with_header(sent.properties, header::WAITS_FOR, text);
        let envelope = Envelope::new("attempt.0.3x1x1x1", properties, sent.body.into());
        assert_eq!(envelope.waits_for(), None, "{text}");
    }
}
