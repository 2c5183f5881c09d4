//! Field tables and the values in them (AMQP 0-9-1 §4.2.5.5, with the types as RabbitMQ has them).

use lapin::types::{AMQPType, AMQPValue, DecimalValue, FieldArray, FieldTable, ShortString};

use super::reader::Reader;
use super::writer::{long, short, with_length};

/// How deep tables and arrays may lie in each other. RabbitMQ's own (`x-death`) are three deep; a
/// stranger's could otherwise be as deep as a frame is long, which no stack holds.
const MAX_DEPTH: u8 = 16;

/// Reads a table from the bytes behind its length. `None` where it is none or is nested too deep.
pub(super) fn read(bytes: &[u8]) -> Option<FieldTable> {
    read_table(bytes, MAX_DEPTH)
}

fn read_table(bytes: &[u8], depth: u8) -> Option<FieldTable> {
    let depth = depth.checked_sub(1)?;
    let mut reader = Reader::new(bytes);
    let mut table = FieldTable::default();
    while !reader.is_empty() {
        let name = short_string(reader.short()?)?;
        table.insert(name, read_value(&mut reader, depth)?);
    }
    Some(table)
}

fn read_array(bytes: &[u8], depth: u8) -> Option<FieldArray> {
    let depth = depth.checked_sub(1)?;
    let mut reader = Reader::new(bytes);
    let mut array = FieldArray::default();
    while !reader.is_empty() {
        array.push(read_value(&mut reader, depth)?);
    }
    Some(array)
}

/// A short string from its bytes; `None` where they are no text.
pub(super) fn short_string(bytes: &[u8]) -> Option<ShortString> {
    ShortString::try_new(std::str::from_utf8(bytes).ok()?).ok()
}

fn read_value(reader: &mut Reader<'_>, depth: u8) -> Option<AMQPValue> {
    Some(match AMQPType::from_id(char::from(reader.u8()?))? {
        AMQPType::Boolean => AMQPValue::Boolean(reader.u8()? != 0),
        AMQPType::ShortShortInt => AMQPValue::ShortShortInt(i8::from_be_bytes(reader.array()?)),
        AMQPType::ShortShortUInt => AMQPValue::ShortShortUInt(reader.u8()?),
        AMQPType::ShortInt => AMQPValue::ShortInt(i16::from_be_bytes(reader.array()?)),
        AMQPType::ShortUInt => AMQPValue::ShortUInt(reader.u16()?),
        AMQPType::LongInt => AMQPValue::LongInt(i32::from_be_bytes(reader.array()?)),
        AMQPType::LongUInt => AMQPValue::LongUInt(reader.u32()?),
        AMQPType::LongLongInt | AMQPType::LongLongUInt => {
            AMQPValue::LongLongInt(i64::from_be_bytes(reader.array()?))
        }
        AMQPType::Float => AMQPValue::Float(f32::from_be_bytes(reader.array()?)),
        AMQPType::Double => AMQPValue::Double(f64::from_be_bytes(reader.array()?)),
        AMQPType::DecimalValue => AMQPValue::DecimalValue(DecimalValue {
            scale: reader.u8()?,
            value: reader.u32()?,
        }),
        AMQPType::ShortString => AMQPValue::ShortString(short_string(reader.short()?)?),
        AMQPType::LongString => AMQPValue::LongString(reader.long()?.into()),
        AMQPType::FieldArray => AMQPValue::FieldArray(read_array(reader.long()?, depth)?),
        AMQPType::Timestamp => AMQPValue::Timestamp(reader.u64()?),
        AMQPType::FieldTable => AMQPValue::FieldTable(read_table(reader.long()?, depth)?),
        AMQPType::ByteArray => AMQPValue::ByteArray(reader.long()?.into()),
        AMQPType::Void => AMQPValue::Void,
    })
}

/// Writes a table, with its length before it.
pub(super) fn write(out: &mut Vec<u8>, table: &FieldTable) {
    with_length(out, |out| {
        for (name, value) in table {
            short(out, name.as_str());
            write_value(out, value);
        }
    });
}

fn write_value(out: &mut Vec<u8>, value: &AMQPValue) {
    let kind = match value {
        // A short string has no letter of its own with RabbitMQ.
        AMQPValue::ShortString(_) => AMQPType::LongString,
        value => value.get_type(),
    };
    // All letters are ASCII.
    out.push(u8::try_from(kind.get_id()).unwrap_or_default());
    match value {
        AMQPValue::Boolean(value) => out.push((*value).into()),
        AMQPValue::ShortShortInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::ShortShortUInt(value) => out.push(*value),
        AMQPValue::ShortInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::ShortUInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::LongInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::LongUInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::LongLongInt(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::Float(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::Double(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::DecimalValue(value) => {
            out.push(value.scale);
            out.extend_from_slice(&value.value.to_be_bytes());
        }
        AMQPValue::ShortString(value) => long(out, value.as_str().as_bytes()),
        AMQPValue::LongString(value) => long(out, value.as_bytes()),
        AMQPValue::FieldArray(values) => with_length(out, |out| {
            for value in values.as_slice() {
                write_value(out, value);
            }
        }),
        AMQPValue::Timestamp(value) => out.extend_from_slice(&value.to_be_bytes()),
        AMQPValue::FieldTable(table) => write(out, table),
        AMQPValue::ByteArray(value) => long(out, value.as_slice()),
        AMQPValue::Void => {}
    }
}
