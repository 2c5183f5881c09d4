use std::time::Duration;

use reqwest::StatusCode;

/// The response of a [`MockHttpServer`](crate::MockHttpServer).
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends head and body at once.
    Whole,
    /// Sends head and body after a delay.
    After(Duration),
    /// Closes the connection without a response.
    Close,
    /// Sends nothing and keeps the connection open.
    Silence,
    /// Sends only the head and keeps the connection open.
    HeadAlone,
    /// Sends the head, and the body byte by byte.
    Slow,
    /// Sends the body without a head, then closes the connection.
    Raw,
}

impl Response {
    /// Responds with this status and no body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            manner: Manner::Whole,
        }
    }

    /// Never responds.
    #[must_use]
    pub const fn silence() -> Self {
        Self::status(200).in_manner(Manner::Silence)
    }

    /// Closes the connection after the request, without a response.
    #[must_use]
    pub const fn close() -> Self {
        Self::status(200).in_manner(Manner::Close)
    }

    /// Sends exactly these bytes, then closes the connection.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::status(200).body(bytes).in_manner(Manner::Raw)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the response after `delay`.
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        self.in_manner(Manner::After(delay))
    }

    /// Announces a body but sends only the head.
    #[must_use]
    pub const fn head_alone(self) -> Self {
        self.in_manner(Manner::HeadAlone)
    }

    /// Sends the body at 50 bytes a second.
    #[must_use]
    pub const fn slow_body(self) -> Self {
        self.in_manner(Manner::Slow)
    }

    const fn in_manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// Encodes the status line and the header fields.
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
