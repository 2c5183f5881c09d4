use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::client::{Answer, Client};

/// How long a stream may be silent. Longer than the time between two keep-alives.
const SILENCE: Duration = Duration::from_secs(40);

/// A stream of server-sent events.
pub struct EventStream {
    response: Response,
    unread: String,
    /// The last id, as a client keeps it.
    pub last_id: String,
    /// The value of `retry`.
    pub retry_ms: u64,
    /// The number of comments.
    pub comments: usize,
}

/// An event with data.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamEvent {
    /// The name.
    pub name: String,
    /// The last id of the stream when it was sent.
    pub last_id: String,
    /// The data.
    pub data: Value,
}

impl EventStream {
    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// Returns the answer if it is no stream.
    pub async fn open(client: &Client, request: RequestBuilder) -> Result<Self, Answer> {
        // The client's own limit is for whole responses.
        let request = request.timeout(Duration::from_mins(5));
        let (request, again) = (request.try_clone().expect("no body"), request);
        let response = request.send().await.expect("an answer");
        if response.status() != 200 {
            return Err(client.send(again).await);
        }
        let kind = response.headers().get("Content-Type");
        assert_eq!(kind.expect("a type"), "text/event-stream");
        Ok(Self {
            response,
            unread: String::new(),
            last_id: String::new(),
            retry_ms: 0,
            comments: 0,
        })
    }

    /// A header of the response, or an empty text if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.response.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Waits for the next event with data; `None` at the end of the stream.
    ///
    /// # Panics
    ///
    /// Panics if the stream is silent for longer than any may be.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
            }
            let chunk = timeout(SILENCE, self.response.chunk()).await;
            // A connection that is cut is an end, too.
            let bytes = chunk.expect("a keep-alive in time").ok().flatten()?;
            self.unread.push_str(str::from_utf8(&bytes).expect("text"));
        }
    }

    /// Waits for the next event, which must have this name, and returns its data.
    pub async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, name, "{event:?}");
        event.data
    }

    /// Waits for the end of the stream, and returns the events until then.
    pub async fn until_end(&mut self) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    fn read(&mut self, block: &str) -> Option<StreamEvent> {
        let (mut name, mut data) = ("message", None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("", _)) => self.comments += 1,
                Some(("id", id)) => id.clone_into(&mut self.last_id),
                Some(("retry", ms)) => self.retry_ms = ms.parse().expect("milliseconds"),
                Some(("event", its)) => name = its,
                Some(("data", json)) => data = Some(serde_json::from_str(json).expect("JSON")),
                _ => panic!("{line:?}"),
            }
        }
        Some(StreamEvent {
            name: name.to_owned(),
            last_id: self.last_id.clone(),
            data: data?,
        })
    }
}
