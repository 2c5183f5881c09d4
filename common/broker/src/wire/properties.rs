//! A message's properties as they stand in its content header (AMQP 0-9-1 §4.2.6.1).

use std::mem::take;

use lapin::BasicProperties;
use lapin::types::ShortString;

use super::reader::Reader;
use super::table::{self, short_string};
use super::writer::short;

/// The flag of the first property; each of those that follow has the next lower bit.
const FIRST: u16 = 1 << 15;

/// How many properties there are.
const COUNT: u32 = 14;

/// Reads the properties. One that cannot be read counts as not set, and so do those behind it where
/// the bytes end too soon: the broker hands on what a stranger wrote, and a message is nothing that a
/// connection must end for.
pub(super) fn read(bytes: &[u8]) -> BasicProperties {
    let mut properties = BasicProperties::default();
    // What was read until the bytes ended stands.
    let _ = read_into(&mut properties, Reader::new(bytes));
    properties
}

fn read_into(properties: &mut BasicProperties, mut reader: Reader<'_>) -> Option<()> {
    let flags = reader.u16()?;
    for place in (0..COUNT).filter(|place| flags & (FIRST >> place) != 0) {
        let text: fn(BasicProperties, ShortString) -> BasicProperties = match place {
            0 => BasicProperties::with_content_type,
            1 => BasicProperties::with_content_encoding,
            2 => {
                if let Some(headers) = table::read(reader.long()?) {
                    *properties = take(properties).with_headers(headers);
                }
                continue;
            }
            3 => {
                let value = reader.u8()?;
                *properties = take(properties).with_delivery_mode(value);
                continue;
            }
            4 => {
                let value = reader.u8()?;
                *properties = take(properties).with_priority(value);
                continue;
            }
            5 => BasicProperties::with_correlation_id,
            6 => BasicProperties::with_reply_to,
            7 => BasicProperties::with_expiration,
            8 => BasicProperties::with_message_id,
            9 => {
                let value = reader.u64()?;
                *properties = take(properties).with_timestamp(value);
                continue;
            }
            10 => BasicProperties::with_type,
            11 => BasicProperties::with_user_id,
            12 => BasicProperties::with_app_id,
            _ => BasicProperties::with_cluster_id,
        };
        if let Some(value) = short_string(reader.short()?) {
            *properties = text(take(properties), value);
        }
    }
    Some(())
}

/// Writes the properties that are set.
pub(super) fn write(out: &mut Vec<u8>, properties: &BasicProperties) {
    let text = |out: &mut Vec<u8>, value: &Option<ShortString>| {
        if let Some(value) = value {
            short(out, value.as_str());
        }
    };
    out.extend_from_slice(&properties.bitmask().to_be_bytes());
    text(out, properties.content_type());
    text(out, properties.content_encoding());
    if let Some(headers) = properties.headers() {
        table::write(out, headers);
    }
    out.extend(*properties.delivery_mode());
    out.extend(*properties.priority());
    text(out, properties.correlation_id());
    text(out, properties.reply_to());
    text(out, properties.expiration());
    text(out, properties.message_id());
    if let Some(time) = properties.timestamp() {
        out.extend_from_slice(&time.to_be_bytes());
    }
    text(out, properties.kind());
    text(out, properties.user_id());
    text(out, properties.app_id());
    text(out, properties.cluster_id());
}
