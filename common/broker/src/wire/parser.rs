use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::protocol::AMQPClass;

use super::error::Error;
use super::frame::{BODY, Frame, HEADER, HEARTBEAT};
use super::method::{self, BASIC, Confirm, Method};
use super::properties;
use super::reader::Reader;

/// A message that the broker handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Counts from 1 on each channel.
    pub delivery_tag: u64,
    /// As it was published; empty where it is no text.
    pub routing_key: String,
    /// As they were published, with what the broker added.
    pub properties: BasicProperties,
    /// The message.
    pub body: Vec<u8>,
}

/// What the broker has said, as much as one reading brought.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// Of messages that we published.
    Confirm { channel: u16, confirm: Confirm },
    /// Messages that came one after the other.
    Deliveries { channel: u16, all: Vec<Delivery> },
    /// Anything else.
    Method { channel: u16, class: AMQPClass },
}

/// Makes events of the bytes that the broker sends.
#[derive(Debug)]
pub(super) struct Parser {
    frame_max: usize,
    /// Messages of which not all has come yet, one a channel at most.
    partial: BTreeMap<u16, Partial>,
}

#[derive(Debug)]
enum Partial {
    /// Without its header.
    Begun(Delivery),
    /// Without the rest of its body.
    Headed { delivery: Delivery, left: u64 },
}

impl Parser {
    pub(super) const fn new(frame_max: usize) -> Self {
        Self {
            frame_max,
            partial: BTreeMap::new(),
        }
    }

    /// Reads the frames that are there as a whole, and tells how many bytes they were.
    pub(super) fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<usize, Error> {
        let mut read = 0;
        while let Some(frame) = Frame::first(&bytes[read..], self.frame_max)? {
            read += frame.size();
            self.frame(frame, events)?;
        }
        Ok(read)
    }

    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<Event>) -> Result<(), Error> {
        let channel = frame.channel;
        let delivery = match frame.kind {
            HEARTBEAT => None,
            HEADER => self.header(channel, frame.payload)?,
            BODY => self.body(channel, frame.payload)?,
            _ => {
                self.method(channel, frame.payload, events)?;
                None
            }
        };
        if let Some(delivery) = delivery {
            match events.last_mut() {
                Some(Event::Deliveries { channel: same, all }) if *same == channel => {
                    all.push(delivery);
                }
                _ => events.push(Event::Deliveries {
                    channel,
                    all: vec![delivery],
                }),
            }
        }
        Ok(())
    }

    fn method(
        &mut self,
        channel: u16,
        payload: &[u8],
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        if self.partial.contains_key(&channel) {
            return Err(Error::Protocol("a method within a message"));
        }
        match method::read(payload)? {
            Method::Deliver {
                delivery_tag,
                routing_key,
            } => {
                let delivery = Delivery {
                    delivery_tag,
                    routing_key,
                    properties: BasicProperties::default(),
                    body: Vec::new(),
                };
                self.partial.insert(channel, Partial::Begun(delivery));
            }
            Method::Confirm(confirm) => events.push(Event::Confirm { channel, confirm }),
            Method::Seldom(class) => events.push(Event::Method { channel, class }),
        }
        Ok(())
    }

    /// Returns the message where it has no body.
    fn header(&mut self, channel: u16, payload: &[u8]) -> Result<Option<Delivery>, Error> {
        let Some(Partial::Begun(mut delivery)) = self.partial.remove(&channel) else {
            return Err(Error::Protocol("a header without a message"));
        };
        let mut reader = Reader::new(payload);
        let (Some(BASIC), Some(_weight), Some(size)) = (reader.u16(), reader.u16(), reader.u64())
        else {
            return Err(Error::Protocol("a header that cannot be read"));
        };
        delivery.properties = properties::read(reader.rest());
        if size == 0 {
            return Ok(Some(delivery));
        }
        // What it claims is not believed before it comes.
        let expected = usize::try_from(size).unwrap_or(usize::MAX);
        delivery.body.reserve_exact(expected.min(self.frame_max));
        let left = size;
        self.partial
            .insert(channel, Partial::Headed { delivery, left });
        Ok(None)
    }

    /// Returns the message where it is whole.
    fn body(&mut self, channel: u16, payload: &[u8]) -> Result<Option<Delivery>, Error> {
        let Some(Partial::Headed { mut delivery, left }) = self.partial.remove(&channel) else {
            return Err(Error::Protocol("a body without a message"));
        };
        let Some(left) = left.checked_sub(payload.len() as u64) else {
            return Err(Error::Protocol("a body longer than announced"));
        };
        delivery.body.extend_from_slice(payload);
        if left == 0 {
            return Ok(Some(delivery));
        }
        self.partial
            .insert(channel, Partial::Headed { delivery, left });
        Ok(None)
    }
}
