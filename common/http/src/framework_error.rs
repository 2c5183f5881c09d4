/// An error that the framework answers by itself, before any handler has the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameworkError {
    /// 400: the request is not HTTP/1.1.
    Malformed,
    /// 408: the request head took too long.
    SlowHead,
    /// 431: the request head is too large.
    HeadTooLarge,
}

/// The framework's heads are shorter.
const MAX_HEAD: usize = 256;

impl FrameworkError {
    const ALL: [Self; 3] = [Self::Malformed, Self::SlowHead, Self::HeadTooLarge];

    /// The status code and the reason phrase.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::SlowHead => "408 Request Timeout",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }

    /// Finds the framework's own error at the end of `written`. Returns its position and kind.
    ///
    /// The framework's errors have no body. Those of handlers have one, and state its length in answers to HEAD too.
    pub(crate) fn find(written: &[u8]) -> Option<(usize, Self)> {
        if !written.ends_with(b"\r\n\r\n") {
            return None;
        }
        let from = written.len().saturating_sub(MAX_HEAD);
        let start = from
            + written[from..]
                .windows(b"HTTP/1.".len())
                .rposition(|bytes| bytes == b"HTTP/1.")?;
        let head = std::str::from_utf8(&written[start..]).ok()?;
        let (_, status) = head.split_once(' ')?;
        let error = Self::ALL
            .into_iter()
            .find(|error| status.starts_with(error.status()))?;
        let is_empty = status
            .to_ascii_lowercase()
            .contains("\r\ncontent-length: 0\r\n");
        is_empty.then_some((start, error))
    }

    /// The complete response (RFC 9112 §6). `body` is JSON.
    pub(crate) fn response(self, body: &str) -> Vec<u8> {
        let (status, length) = (self.status(), body.len());
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\n\
             referrer-policy: no-referrer\r\ncache-control: no-store\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        response.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n";

    #[test]
    fn an_error_without_a_body_is_the_framework_s() {
        assert_eq!(
            FrameworkError::find(EMPTY.as_bytes()),
            Some((0, FrameworkError::Malformed))
        );
        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let both = format!("{before}{EMPTY}");
        assert_eq!(
            FrameworkError::find(both.as_bytes()),
            Some((before.len(), FrameworkError::Malformed))
        );
    }

    #[test]
    fn other_responses_are_left_alone() {
        for other in [
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 17\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "0\r\n\r\n",
            "",
        ] {
            assert_eq!(FrameworkError::find(other.as_bytes()), None, "{other}");
        }
    }
}
