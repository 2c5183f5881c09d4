//! The oracle is lapin's protocol library: what we write it reads back, and what it writes we read.

mod arbitrary_bytes;
mod confirming;
mod consuming;
mod encoding;
mod handshakes;
mod living;
mod parsing;
mod peer;

use amq_protocol::frame::{AMQPFrame, gen_frame};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, DecimalValue, FieldTable, ShortString};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::message::Outgoing;

/// The bytes of some frames, written by the oracle.
fn bytes_of(frames: &[AMQPFrame]) -> Vec<u8> {
    let one = |frame: &AMQPFrame| {
        let written = gen_frame(frame)(Vec::new().into()).expect("memory");
        written.into_inner().0
    };
    frames.iter().flat_map(one).collect()
}

fn short() -> impl Strategy<Value = ShortString> {
    "\\PC{0,20}".prop_map(ShortString::from)
}

fn value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        // Not NaN, which is like nothing.
        any::<i32>().prop_map(|n| AMQPValue::Double(n.into())),
        any::<i16>().prop_map(|n| AMQPValue::Float(n.into())),
        (any::<u8>(), any::<u32>())
            .prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        vec(any::<u8>(), 0..20).prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        vec(any::<u8>(), 0..20).prop_map(|bytes| AMQPValue::ByteArray(bytes.into())),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|values| AMQPValue::FieldArray(values.into())),
            btree_map(short(), inner, 0..5)
                .prop_map(|entries| AMQPValue::FieldTable(entries.into())),
        ]
    })
}

fn table() -> impl Strategy<Value = FieldTable> {
    btree_map(short(), value(), 0..6).prop_map(FieldTable::from)
}

fn properties() -> impl Strategy<Value = BasicProperties> {
    let texts = vec(option::of(short()), 10);
    let numbers = (
        option::of(any::<u8>()),
        option::of(any::<u8>()),
        option::of(any::<u64>()),
    );
    (texts, numbers, option::of(table())).prop_map(|(texts, (mode, priority, time), headers)| {
        let setters = [
            BasicProperties::with_content_type,
            BasicProperties::with_content_encoding,
            BasicProperties::with_correlation_id,
            BasicProperties::with_reply_to,
            BasicProperties::with_expiration,
            BasicProperties::with_message_id,
            BasicProperties::with_type,
            BasicProperties::with_user_id,
            BasicProperties::with_app_id,
            BasicProperties::with_cluster_id,
        ];
        let mut properties = BasicProperties::default();
        for (set, text) in setters.into_iter().zip(texts) {
            if let Some(text) = text {
                properties = set(properties, text);
            }
        }
        if let Some(mode) = mode {
            properties = properties.with_delivery_mode(mode);
        }
        if let Some(priority) = priority {
            properties = properties.with_priority(priority);
        }
        if let Some(time) = time {
            properties = properties.with_timestamp(time);
        }
        if let Some(headers) = headers {
            properties = properties.with_headers(headers);
        }
        properties
    })
}

fn outgoing() -> impl Strategy<Value = Outgoing> {
    let body = vec(any::<u8>(), 0..10_000);
    (short(), short(), properties(), body).prop_map(|(exchange, routing_key, properties, body)| {
        Outgoing {
            exchange,
            routing_key,
            properties,
            body,
        }
    })
}

/// A small message.
fn plain_message(body: &str) -> Outgoing {
    Outgoing {
        exchange: "exchange".into(),
        routing_key: "key".into(),
        properties: BasicProperties::default().with_delivery_mode(2),
        body: body.into(),
    }
}
