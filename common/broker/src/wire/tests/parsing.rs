use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use lapin::BasicProperties;
use lapin::protocol::{AMQPClass, basic, channel};
use lapin::types::ShortString;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::error::Error;
use super::super::input::Input;
use super::super::method::Confirm;
use super::super::parser::{Delivery, Event, Parser};
use super::{bytes_of, properties, short};

const FRAME_MAX: usize = 4096;

/// The frames by which a broker hands a message over, its body in parts of at most `part` bytes.
fn frames_of(channel: u16, delivery: &Delivery, part: usize) -> Vec<AMQPFrame> {
    let deliver = basic::AMQPMethod::Deliver(basic::Deliver {
        consumer_tag: "consumer".into(),
        delivery_tag: delivery.delivery_tag,
        redelivered: false,
        exchange: "exchange".into(),
        routing_key: delivery.routing_key.as_str().into(),
    });
    let header = AMQPContentHeader {
        class_id: 60,
        body_size: delivery.body.len() as u64,
        properties: delivery.properties.clone(),
    };
    let mut frames = vec![
        AMQPFrame::Method(channel, AMQPClass::Basic(deliver)),
        AMQPFrame::Header(channel, header),
    ];
    let parts = delivery.body.chunks(part);
    frames.extend(parts.map(|part| AMQPFrame::Body(channel, part.to_vec())));
    frames
}

fn ack(tag: u64, multiple: bool) -> AMQPFrame {
    let ack = basic::Ack {
        delivery_tag: tag,
        multiple,
    };
    AMQPFrame::Method(3, AMQPClass::Basic(basic::AMQPMethod::Ack(ack)))
}

fn nack(tag: u64, multiple: bool) -> AMQPFrame {
    let nack = basic::Nack {
        delivery_tag: tag,
        multiple,
        requeue: false,
    };
    AMQPFrame::Method(3, AMQPClass::Basic(basic::AMQPMethod::Nack(nack)))
}

/// What is read where the bytes come in these parts. Deliveries that came one after the other are
/// joined, however they were split.
fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, Error> {
    let mut parser = Parser::new(FRAME_MAX);
    let mut input = Input::new();
    let mut joined: Vec<Event> = Vec::new();
    for part in parts {
        let mut part = part;
        while !part.is_empty() {
            let space = input.space();
            let count = part.len().min(space.len());
            space[..count].copy_from_slice(&part[..count]);
            input.came(count);
            part = &part[count..];
            let mut events = Vec::new();
            let read = parser.read(input.unread(), &mut events)?;
            input.read(read);
            for event in events {
                match (joined.last_mut(), event) {
                    (
                        Some(Event::Deliveries { channel, all }),
                        Event::Deliveries {
                            channel: same,
                            all: more,
                        },
                    ) if *channel == same => all.extend(more),
                    (_, event) => joined.push(event),
                }
            }
        }
    }
    Ok(joined)
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let body = vec(any::<u8>(), 0..3000);
    (any::<u64>(), short(), properties(), body).prop_map(
        |(delivery_tag, routing_key, properties, body)| Delivery {
            delivery_tag,
            routing_key: ShortString::into(routing_key),
            properties,
            body,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn deliveries_are_read_however_they_are_cut(
        one in vec(delivery(), 1..4),
        other in delivery(),
        part in 1_usize..2000,
        cut in 1_usize..5000,
    ) {
        // Those of another channel come in the middle of the first's, frame by frame.
        let mut frames: Vec<_> = one.iter().flat_map(|delivery| frames_of(1, delivery, part)).collect();
        for frame in frames_of(2, &other, part).into_iter().rev() {
            frames.insert(1, frame);
        }
        let bytes = bytes_of(&frames);
        let events = read(bytes.chunks(cut)).expect("frames");
        let expected = vec![
            Event::Deliveries { channel: 2, all: vec![other] },
            Event::Deliveries { channel: 1, all: one },
        ];
        prop_assert_eq!(events, expected);
    }
}

/// One of everything that the traffic is made of.
fn sample() -> (Vec<u8>, Vec<Event>) {
    let delivery = Delivery {
        delivery_tag: 1,
        routing_key: "attempt.0".to_owned(),
        properties: BasicProperties::default().with_message_id("id".into()),
        body: b"some body".to_vec(),
    };
    let empty = Delivery {
        delivery_tag: 2,
        body: Vec::new(),
        ..delivery.clone()
    };
    let open_ok = AMQPClass::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}));
    let mut frames = vec![
        AMQPFrame::Method(1, open_ok.clone()),
        ack(1, false),
        nack(9, true),
        AMQPFrame::Heartbeat,
    ];
    frames.extend(frames_of(1, &delivery, 4));
    frames.extend(frames_of(1, &empty, 4));
    let confirm = |tag, multiple, positive| Event::Confirm {
        channel: 3,
        confirm: Confirm {
            tag,
            multiple,
            positive,
        },
    };
    let events = vec![
        Event::Method {
            channel: 1,
            class: open_ok,
        },
        confirm(1, false, true),
        confirm(9, true, false),
        Event::Deliveries {
            channel: 1,
            all: vec![delivery, empty],
        },
    ];
    (bytes_of(&frames), events)
}

#[test]
fn every_place_to_cut_the_bytes_is_as_good_as_another() {
    let (bytes, events) = sample();
    for cut in 0..=bytes.len() {
        let (one, other) = bytes.split_at(cut);
        assert_eq!(read([one, other]).expect("frames"), events, "cut at {cut}");
    }
    assert_eq!(read(bytes.chunks(1)).expect("frames"), events);
}

#[test]
fn what_breaks_the_protocol_is_an_error() {
    let (bytes, _) = sample();
    let mut without_end = bytes.clone();
    let end = without_end.iter().position(|byte| *byte == 0xce);
    without_end[end.expect("a frame's end")] = 0;
    let mut of_unknown_type = bytes.clone();
    of_unknown_type[0] = 4;
    let too_large = [1, 0, 1, 0, 0, 0x10, 0].to_vec();
    let method = |class: AMQPClass| bytes_of(&[AMQPFrame::Method(1, class)]);
    let unasked = method(AMQPClass::Channel(channel::AMQPMethod::Open(
        channel::Open {},
    )));
    let header_alone = bytes_of(&[AMQPFrame::Body(1, b"body".to_vec())]);
    for (bytes, words) in [
        (without_end, "a frame without its end"),
        (of_unknown_type, "a frame of unknown type"),
        (too_large, "a frame larger than agreed"),
        (unasked, "a method that was not asked for"),
        (header_alone, "a body without a message"),
    ] {
        match read([bytes.as_slice()]) {
            Err(Error::Protocol(said)) => assert_eq!(said, words),
            other => panic!("{words}: {other:?}"),
        }
    }
}
