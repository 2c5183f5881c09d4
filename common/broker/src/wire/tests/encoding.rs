use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, parse_frame};
use lapin::BasicProperties;
use lapin::protocol::{AMQPClass, basic};
use lapin::types::{AMQPValue, FieldTable};
use proptest::prelude::*;

use super::super::content::{self, TooLarge};
use super::super::method;
use super::{bytes_of, outgoing, plain_message};

/// All frames of `bytes`, read by the oracle.
fn frames_of(mut bytes: &[u8]) -> Vec<AMQPFrame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (rest, frame) = parse_frame(bytes).expect("a frame");
        frames.push(frame);
        bytes = rest;
    }
    frames
}

proptest! {
    #[test]
    fn a_publish_is_read_back_as_what_it_was(message in outgoing(), frame_max in 4096_usize..20_000) {
        let mut out = b"before".to_vec();
        content::write(&mut out, 7, frame_max, &message).expect("small properties");
        prop_assert_eq!(&out[..6], b"before");
        let mut frames = frames_of(&out[6..]).into_iter();
        let publish = AMQPClass::Basic(basic::AMQPMethod::Publish(basic::Publish {
            exchange: message.exchange,
            routing_key: message.routing_key,
            mandatory: false,
            immediate: false,
        }));
        prop_assert_eq!(frames.next(), Some(AMQPFrame::Method(7, publish)));
        let header = AMQPContentHeader {
            class_id: 60,
            body_size: message.body.len() as u64,
            properties: message.properties,
        };
        prop_assert_eq!(frames.next(), Some(AMQPFrame::Header(7, header)));
        let mut body = Vec::new();
        for frame in frames {
            let AMQPFrame::Body(7, part) = frame else {
                return Err(TestCaseError::fail("no body"));
            };
            prop_assert!(!part.is_empty() && part.len() + 8 <= frame_max);
            body.extend(part);
        }
        prop_assert_eq!(body, message.body);
    }

    #[test]
    fn answers_are_those_of_the_oracle(tag: u64, multiple: bool, channel: u16) {
        let mut out = Vec::new();
        method::write_ack(&mut out, channel, tag, multiple);
        method::write_nack(&mut out, channel, tag);
        let ack = basic::AMQPMethod::Ack(basic::Ack { delivery_tag: tag, multiple });
        let nack = basic::AMQPMethod::Nack(basic::Nack {
            delivery_tag: tag,
            multiple: false,
            requeue: false,
        });
        let frames = [ack, nack].map(|method| AMQPFrame::Method(channel, AMQPClass::Basic(method)));
        prop_assert_eq!(out, bytes_of(&frames));
    }
}

#[test]
fn properties_that_fit_into_no_frame_leave_nothing_behind() {
    let mut headers = FieldTable::default();
    headers.insert("x".into(), AMQPValue::LongString(vec![b'x'; 5000].into()));
    let mut message = plain_message("body");
    message.properties = BasicProperties::default().with_headers(headers);
    let mut out = b"before".to_vec();
    assert_eq!(content::write(&mut out, 1, 4096, &message), Err(TooLarge));
    assert_eq!(out, b"before");
    assert_eq!(content::write(&mut out, 1, 8192, &message), Ok(()));
}
