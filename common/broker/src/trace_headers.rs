//! The headers `traceparent` and `tracestate` of messages, as in HTTP.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use tidings_domain::trace::TraceContext;

use super::header::{self, as_text};

/// Reads the context of a message. Headers that are invalid or too large are ignored.
pub(super) fn read(properties: &BasicProperties) -> Option<TraceContext> {
    let headers = properties.headers().as_ref()?.inner();
    let parent = text(headers, header::TRACEPARENT)?;
    TraceContext::read(parent, text(headers, header::TRACESTATE))
}

fn text<'a>(headers: &'a BTreeMap<ShortString, AMQPValue>, name: &str) -> Option<&'a str> {
    as_text(headers.get(name)?)
}

/// The headers without those of a context.
pub(super) fn without(headers: &FieldTable) -> FieldTable {
    let mut others = FieldTable::default();
    for (name, value) in headers.inner() {
        if ![header::TRACEPARENT, header::TRACESTATE].contains(&name.as_str()) {
            others.insert(name.clone(), value.clone());
        }
    }
    others
}

/// Writes a context into the headers of a message, which have none.
pub(super) fn write(headers: &mut FieldTable, trace: &TraceContext) {
    let mut insert = |name: &str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
    };
    insert(header::TRACEPARENT, &trace.traceparent());
    if let Some(state) = &trace.state {
        insert(header::TRACESTATE, state.as_str());
    }
}
