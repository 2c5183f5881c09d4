//! How large the content header frame of a message is. lapin does not check the size: a header that is
//! larger than a frame ends the connection.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// Frame type, channel, size and end mark (AMQP 0-9-1 §2.3.5), then class, weight, body size and
/// property flags (§2.3.5.2).
const FIXED: usize = 8 + 14;

/// Length of the content header frame in bytes.
pub(super) fn header_frame_size(properties: &BasicProperties) -> usize {
    let texts = [
        properties.content_type(),
        properties.content_encoding(),
        properties.correlation_id(),
        properties.reply_to(),
        properties.expiration(),
        properties.message_id(),
        properties.kind(),
        properties.user_id(),
        properties.app_id(),
        properties.cluster_id(),
    ];
    let texts: usize = texts.into_iter().flatten().map(short_text_size).sum();
    let headers = properties.headers().as_ref().map_or(0, table_size);
    let flags = [properties.delivery_mode(), properties.priority()];
    let flags = flags.into_iter().flatten().count();
    let timestamp = properties.timestamp().map_or(0, |_| 8);
    FIXED + texts + headers + flags + timestamp
}

fn short_text_size(text: &ShortString) -> usize {
    1 + text.as_str().len()
}

fn table_size(table: &FieldTable) -> usize {
    let entries = table.inner().iter();
    4 + entries
        .map(|(name, value)| short_text_size(name) + value_size(value))
        .sum::<usize>()
}

/// Length of a field value with its type octet.
fn value_size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => short_text_size(text),
        AMQPValue::LongString(text) => 4 + text.as_bytes().len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.as_slice().len(),
        AMQPValue::FieldArray(values) => {
            4 + values.as_slice().iter().map(value_size).sum::<usize>()
        }
        AMQPValue::FieldTable(table) => table_size(table),
    }
}
