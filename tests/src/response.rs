use std::time::Duration;

use reqwest::StatusCode;

/// How a [`Receiver`](crate::Receiver) answers a request.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Head and body at once.
    Whole,
    /// The same, after some time.
    After(Duration),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing, and the connection stays open.
    Silence,
    /// The head, nothing of the body, and the connection stays open.
    HeadAlone,
    /// The head, and the body drop by drop.
    Drip,
}

impl Response {
    /// This status without a body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            manner: Manner::Whole,
        }
    }

    /// No answer, ever.
    #[must_use]
    pub const fn silence() -> Self {
        Self::status(200).in_manner(Manner::Silence)
    }

    /// No answer: the connection is closed when the request has been read.
    #[must_use]
    pub const fn close() -> Self {
        Self::status(200).in_manner(Manner::Close)
    }

    /// With a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Given after `delay`.
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        self.in_manner(Manner::After(delay))
    }

    /// Without its body, which is promised and never comes.
    #[must_use]
    pub const fn head_alone(self) -> Self {
        self.in_manner(Manner::HeadAlone)
    }

    /// With its body at 50 bytes a second.
    #[must_use]
    pub const fn drop_by_drop(self) -> Self {
        self.in_manner(Manner::Drip)
    }

    const fn in_manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The status line and the header fields.
    pub(crate) fn head(&self) -> Vec<u8> {
        let status = StatusCode::from_u16(self.status).expect("a status");
        let reason = status.canonical_reason().unwrap_or("Unknown");
        let mut lines = vec![format!("HTTP/1.1 {} {reason}", self.status)];
        lines.extend(self.headers.iter().map(|(n, v)| format!("{n}: {v}")));
        if !matches!(self.status, 204 | 304) {
            let missing = usize::from(self.manner == Manner::HeadAlone);
            let length = self.body.len() + missing;
            lines.push(format!("content-length: {length}"));
        }
        format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
