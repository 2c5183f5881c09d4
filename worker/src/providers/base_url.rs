use std::str::FromStr;

use tidings_settings::{PlaintextKind, Reader, Setting, needs_encryption};
use url::Url;

/// The base URL of a provider's API: an `http` or `https` URL without user, password, query and fragment. May
/// have a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// The text is not a base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an http or https URL without user, password and query, such as https://api.example.com"
)]
pub struct InvalidBaseUrl;

impl BaseUrl {
    /// Reads a setting. Returns `None` after a mistake.
    pub(super) fn read(reader: &mut Reader, setting: &Setting) -> Option<Self> {
        let text = reader.text(setting).or(setting.default_value())?;
        // The message does not quote the value, because it may contain a password.
        let parsed: Result<Self, InvalidBaseUrl> = text.parse();
        let url = parsed
            .map_err(|error| reader.problem(setting, error.to_string()))
            .ok()?;
        let plain_host = (url.0.scheme() == "http").then(|| url.0.host_str());
        if let Some(host) = plain_host.flatten()
            && needs_encryption(reader, PlaintextKind::Providers, setting, host)
        {
            let message = format!(
                "would send secrets and messages to {host} unencrypted: use https://, or set ALLOW_PLAINTEXT to providers"
            );
            reader.problem(setting, message);
        }
        Some(url)
    }

    /// Appends path segments.
    pub(super) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Never an error, because http and https URLs have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidBaseUrl)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
            Ok(Self(url))
        } else {
            Err(InvalidBaseUrl)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_segments_are_escaped_and_keep_the_base_path() {
        for (base, joined) in [
            ("https://a.example", "https://a.example/v1/x%2Fy/m:send"),
            ("https://a.example/", "https://a.example/v1/x%2Fy/m:send"),
            (
                "http://127.0.0.1:80/p/",
                "http://127.0.0.1/p/v1/x%2Fy/m:send",
            ),
        ] {
            let base: BaseUrl = base.parse().expect("right");
            assert_eq!(base.join(&["v1", "x/y", "m:send"]).as_str(), joined);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for wrong in [
            "",
            "api.example.com",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a.example/?q",
            "https://a.example/#f",
        ] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
    }
}
