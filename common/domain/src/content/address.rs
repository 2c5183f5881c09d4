//! Addresses of recipients.

mod email;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use url::Url;

pub use email::{EmailAddress, Mailbox};

/// The text is not a valid address. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(&'static str);

/// Implements the methods that all address types share.
macro_rules! address_newtype {
    ($name:ident) => {
        impl $name {
            /// The address.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// Logs must not contain addresses.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}
use address_newtype;

/// A telephone number: `+` and 8 to 15 digits (ITU-T E.164). Only the provider knows whether the number exists.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl FromStr for PhoneNumber {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        if (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAddress(
                "must be a telephone number: + and 8 to 15 digits, such as +4915112345678",
            ))
        }
    }
}

address_newtype!(PhoneNumber);

/// The id of an app installation at a push service: 1 to 4096 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DeviceToken(String);

impl FromStr for DeviceToken {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAddress(
                "must be a device token: 1 to 4096 visible ASCII characters",
            ))
        }
    }
}

address_newtype!(DeviceToken);

/// The URL of a webhook: `http` or `https`, with a host, without user and password, at most 2048 characters. The egress
/// policy decides whether Tidings may send to it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// The URL.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

/// The destination of a URL: its host and port. URLs with the same destination are down together.
#[must_use]
pub fn destination_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(***)")
    }
}

impl FromStr for WebhookUrl {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: InvalidAddress =
            InvalidAddress("must be a URL, such as https://example.com/hooks");
        if text.len() > 2048 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(WRONG);
        }
        let url = Url::parse(text).map_err(|_| WRONG)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(WRONG);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidAddress("must be a URL without user and password"));
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_number_is_plus_and_8_to_15_digits() {
        for (text, right) in [
            ("+12345678", true),
            ("+123456789012345", true),
            ("+1234567", false),
            ("+1234567890123456", false),
            ("12345678", false),
            ("+1234 5678", false),
            ("++12345678", false),
            ("+１２３４５６７８", false),
        ] {
            assert_eq!(text.parse::<PhoneNumber>().is_ok(), right, "{text}");
        }
    }

    #[test]
    fn a_destination_is_a_host_and_a_port() {
        let of = |url: &str| destination_of(&Url::parse(url).expect("a URL"));
        assert_eq!(of("https://a.example/x?y"), "a.example:443");
        assert_eq!(of("http://a.example:8080/"), "a.example:8080");
        assert_eq!(of("https://[::1]/"), "[::1]:443");
    }

    #[test]
    fn a_webhook_url_is_http_or_https_and_has_no_password() {
        for (text, right) in [
            ("https://example.com/hooks?a=1", true),
            ("http://127.0.0.1:8080/", true),
            ("ftp://example.com/", false),
            ("javascript:alert(1)", false),
            ("https://user:password@example.com/", false),
            ("https://", false),
            ("https://example.com/\n", false),
            ("/hooks", false),
        ] {
            assert_eq!(text.parse::<WebhookUrl>().is_ok(), right, "{text}");
        }
    }

    #[test]
    fn addresses_do_not_show_in_debug_output() {
        let address: EmailAddress = "anna@example.com".parse().expect("right");
        let number: PhoneNumber = "+12345678".parse().expect("right");
        assert!(!format!("{address:?} {number:?}").contains("anna"));
        assert!(!format!("{number:?}").contains("1234"));
    }
}
