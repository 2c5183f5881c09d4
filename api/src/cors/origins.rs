use tidings_settings::{Reader, table};
use url::Url;

/// `CORS_ALLOWED_ORIGINS`: the origins whose pages may read responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// No origin.
    #[default]
    None,
    /// Every origin (`*`).
    Any,
    /// These origins, as browsers write them in the header `Origin`.
    Listed(Vec<String>),
}

/// Why a text is no value of `CORS_ALLOWED_ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidOrigin {
    #[error("must be an origin, such as https://app.example.com or http://localhost:3000, or *")]
    NoOrigin,
    #[error("must be written as browsers send it: {0}")]
    OtherForm(String),
    #[error("must name one origin; patterns are not supported")]
    Pattern,
}

impl AllowedOrigins {
    /// Reads the setting, and reports each value that no browser could send.
    pub fn read(reader: &mut Reader) -> Self {
        let setting = table::CORS_ALLOWED_ORIGINS;
        let origins = reader.list(setting, parse);
        if origins.is_empty() {
            return Self::None;
        }
        if !origins.iter().any(|origin| origin == "*") {
            return Self::Listed(origins);
        }
        if origins.len() > 1 {
            reader.problem(
                setting,
                "* allows every origin, so it must be the only value",
            );
        }
        Self::Any
    }
}

/// Returns the origin unchanged if it has the form that browsers send ([RFC 6454 §6.2]), or `*`.
///
/// [RFC 6454 §6.2]: https://www.rfc-editor.org/rfc/rfc6454#section-6.2
fn parse(text: &str) -> Result<String, InvalidOrigin> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let url = Url::parse(text).map_err(|_| InvalidOrigin::NoOrigin)?;
    let origin = serialized(&url).ok_or(InvalidOrigin::NoOrigin)?;
    if origin.contains('*') {
        Err(InvalidOrigin::Pattern)
    } else if origin == text {
        Ok(origin)
    } else {
        Err(InvalidOrigin::OtherForm(origin))
    }
}

/// The origin of a page at this URL. `None` if such a page has no origin that can be named.
fn serialized(url: &Url) -> Option<String> {
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        // Browsers load no pages by these schemes, or send `null` for them.
        "ws" | "wss" | "ftp" | "file" => None,
        // Applications and extensions have schemes of their own, such as `capacitor://localhost`.
        scheme => {
            let host = url.host_str().filter(|host| !host.is_empty())?;
            let port = url.port().map(|port| format!(":{port}"));
            Some(format!("{scheme}://{host}{}", port.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<AllowedOrigins, String> {
        let vars = [("CORS_ALLOWED_ORIGINS".to_owned(), value.to_owned())];
        let mut reader = Reader::from_vars(vars);
        let origins = AllowedOrigins::read(&mut reader);
        reader
            .finish(Some(origins))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn origins_are_read() {
        let listed = |origins: &[&str]| {
            let origins = origins.iter().map(|origin| (*origin).to_owned());
            Ok(AllowedOrigins::Listed(origins.collect()))
        };
        assert_eq!(read(""), Ok(AllowedOrigins::None));
        assert_eq!(read(" * "), Ok(AllowedOrigins::Any));
        assert_eq!(
            read("https://app.example.com, http://localhost:3000"),
            listed(&["https://app.example.com", "http://localhost:3000"])
        );
        for origin in [
            "https://xn--bcher-kva.example",
            "http://[::1]:8080",
            "http://127.0.0.1",
            "capacitor://localhost",
            "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
        ] {
            assert_eq!(read(origin), listed(&[origin]), "{origin}");
        }
    }

    #[test]
    fn a_value_that_no_browser_sends_is_reported_with_its_remedy() {
        for (wrong, remedy) in [
            ("https://example.com/", "send it: https://example.com"),
            ("https://example.com/app", "send it: https://example.com"),
            ("https://example.com:443", "send it: https://example.com"),
            ("https://example.com?a", "send it: https://example.com"),
            ("https://me@example.com", "send it: https://example.com"),
            ("HTTPS://Example.com", "send it: https://example.com"),
            (
                "https://bücher.example",
                "send it: https://xn--bcher-kva.example",
            ),
            ("https://*.example.com", "patterns are not supported"),
            ("*.example.com", "must be an origin"),
            ("example.com", "must be an origin"),
            ("localhost:3000", "must be an origin"),
            ("//example.com", "must be an origin"),
            ("https://", "must be an origin"),
            ("null", "must be an origin"),
            ("file:///index.html", "must be an origin"),
            ("wss://example.com", "must be an origin"),
        ] {
            let problems = read(&format!("https://right.example,{wrong}")).expect_err(wrong);
            assert!(problems.contains("CORS_ALLOWED_ORIGINS"), "{problems}");
            assert!(problems.contains(&format!("{wrong:?}: ")), "{problems}");
            assert!(problems.contains(remedy), "{wrong}: {problems}");
            assert!(!problems.contains("right.example"), "{problems}");
        }
        let problems = read("*,https://example.com").expect_err("both");
        assert!(problems.contains("must be the only value"), "{problems}");
    }
}
