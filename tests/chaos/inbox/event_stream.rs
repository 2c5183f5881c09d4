use serde_json::Value;

/// An event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamEvent {
    /// The name; empty for a block without data.
    pub name: String,
    /// The id, if the block has one.
    pub id: Option<String>,
    pub data: Value,
    /// How long to wait before the next connection, if the block says so.
    pub retry_ms: Option<u64>,
}

/// Parses a stream of server-sent events (HTML standard, "Server-sent events").
#[derive(Default)]
pub struct EventParser {
    unread: Vec<u8>,
}

impl EventParser {
    /// Adds bytes of the stream. Returns the events that have become complete; an error is an event that no stream may
    /// contain.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, String> {
        let before = self.unread.len().saturating_sub(1);
        self.unread.extend_from_slice(bytes);
        let (mut events, mut begin, mut from) = (Vec::new(), 0, before);
        while let Some(end) = find_blank_line(&self.unread[from..]) {
            let block = &self.unread[begin..from + end];
            let text = str::from_utf8(block).map_err(|_| "an event is not UTF-8".to_owned())?;
            events.push(event(text)?);
            begin = from + end + 2;
            from = begin;
        }
        self.unread.drain(..begin);
        Ok(events)
    }
}

fn find_blank_line(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\n\n")
}

fn event(block: &str) -> Result<StreamEvent, String> {
    let mut event = StreamEvent::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("", _)) => {}
            Some(("retry", ms)) => {
                event.retry_ms = Some(ms.parse().map_err(|_| format!("no time: {ms}"))?);
            }
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("data", data)) => {
                event.data = serde_json::from_str(data).map_err(|_| format!("no JSON: {data}"))?;
            }
            _ => return Err(format!("no field of an event: {line:?}")),
        }
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "retry: 2000\n\nid: AQ\n\nevent: notification\nid: Ag\ndata: {\"a\": \"ü\"}\n\n\
                        : keep-alive\n\nevent: reset\ndata: {}\n\n";

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let expected = [
            ("", None, Value::Null),
            ("", Some("AQ"), Value::Null),
            ("notification", Some("Ag"), json!({"a": "ü"})),
            ("", None, Value::Null),
            ("reset", None, json!({})),
        ];
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|(name, id, data)| StreamEvent {
                name: name.to_owned(),
                id: id.map(str::to_owned),
                data,
                retry_ms: None,
            })
            .collect();
        expected[0].retry_ms = Some(2000);
        for size in 1..=TEXT.len() {
            let mut parser = EventParser::default();
            let parts = TEXT.as_bytes().chunks(size);
            let events = parts.flat_map(|part| parser.add(part).expect("events"));
            assert_eq!(events.collect::<Vec<_>>(), expected, "{size}");
        }
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        for wrong in ["event\n\n", "data: {\n\n", "what: 1\n\n", "retry: soon\n\n"] {
            assert!(EventParser::default().add(wrong.as_bytes()).is_err());
        }
    }
}
