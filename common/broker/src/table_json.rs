use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde_json::{Map, Value};

/// Returns a table of arguments or headers as JSON. Bytes that are not UTF-8 become replacement characters.
#[must_use]
pub fn table_json(table: &FieldTable) -> Map<String, Value> {
    table
        .inner()
        .iter()
        .map(|(name, value)| (name.to_string(), value_json(value)))
        .collect()
}

fn value_json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(v) => (*v).into(),
        AMQPValue::ShortShortInt(v) => (*v).into(),
        AMQPValue::ShortShortUInt(v) => (*v).into(),
        AMQPValue::ShortInt(v) => (*v).into(),
        AMQPValue::ShortUInt(v) => (*v).into(),
        AMQPValue::LongInt(v) => (*v).into(),
        AMQPValue::LongUInt(v) => (*v).into(),
        AMQPValue::LongLongInt(v) => (*v).into(),
        AMQPValue::Float(v) => (*v).into(),
        AMQPValue::Double(v) => (*v).into(),
        AMQPValue::DecimalValue(v) => format!("{}e-{}", v.value, v.scale).into(),
        AMQPValue::ShortString(v) => v.as_str().into(),
        AMQPValue::LongString(v) => v.to_string().into(),
        AMQPValue::FieldArray(v) => v.as_slice().iter().map(value_json).collect(),
        AMQPValue::Timestamp(v) => timestamp_json(*v),
        AMQPValue::FieldTable(v) => table_json(v).into(),
        AMQPValue::ByteArray(v) => String::from_utf8_lossy(v.as_slice()).into(),
        AMQPValue::Void => Value::Null,
    }
}

/// AMQP timestamps are seconds since 1970 (AMQP 0-9-1 §4.2.5.4).
fn timestamp_json(seconds: u64) -> Value {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.into(), |time| time.to_string().into())
}

/// Returns the properties of a message that are set, without its headers, by their JSON names.
pub(super) fn properties_json(properties: &BasicProperties) -> Map<String, Value> {
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().into());
    let number = |value: &Option<u8>| value.map(Value::from);
    [
        ("messageId", text(properties.message_id())),
        ("correlationId", text(properties.correlation_id())),
        ("contentType", text(properties.content_type())),
        ("contentEncoding", text(properties.content_encoding())),
        ("deliveryMode", number(properties.delivery_mode())),
        ("priority", number(properties.priority())),
        ("replyTo", text(properties.reply_to())),
        ("expiration", text(properties.expiration())),
        ("timestamp", properties.timestamp().map(timestamp_json)),
        ("type", text(properties.kind())),
        ("userId", text(properties.user_id())),
        ("appId", text(properties.app_id())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_headers_become_nested_json() {
        let mut death = FieldTable::default();
        death.insert("count".into(), AMQPValue::LongLongInt(3));
        death.insert("time".into(), AMQPValue::Timestamp(1_700_000_000));
        death.insert("queue".into(), AMQPValue::LongString("q".into()));
        let mut headers = FieldTable::default();
        let deaths = FieldArray::from(vec![AMQPValue::FieldTable(death)]);
        headers.insert("x-death".into(), AMQPValue::FieldArray(deaths));
        headers.insert("odd".into(), AMQPValue::LongString(vec![0xff].into()));
        assert_eq!(
            Value::from(table_json(&headers)),
            json!({
                "x-death": [{"count": 3, "time": "2023-11-14T22:13:20Z", "queue": "q"}],
                "odd": "\u{fffd}",
            })
        );
    }

    #[test]
    fn only_properties_that_are_set_are_named() {
        let properties = BasicProperties::default().with_message_id("m".into());
        assert_eq!(
            Value::from(properties_json(&properties)),
            json!({"messageId": "m"})
        );
    }
}
