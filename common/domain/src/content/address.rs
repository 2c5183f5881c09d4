//! Addresses of recipients.

use std::fmt;
use std::str::FromStr;

use email_address::Options;
use serde::Serialize;
use url::Url;

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

/// An e-mail address, `local@domain` (RFC 5321 §4.1.2), without a display name. At most 254 bytes.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The domain, after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: InvalidAddress =
            InvalidAddress("must be an e-mail address, such as anna@example.com");
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if plain && email_address::EmailAddress::parse_with_options(text, options).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(WRONG)
        }
    }
}

address_newtype!(EmailAddress);

/// An e-mail address with or without a display name: `anna@example.com` or `Anna <anna@example.com>`
/// (RFC 5322 §3.4).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    /// The display name, decoded: no quotes, no line breaks.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(***)")
    }
}

impl FromStr for Mailbox {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: InvalidAddress = InvalidAddress(
            "must be an e-mail address, such as anna@example.com or Anna <anna@example.com>",
        );
        if text.chars().any(char::is_control) || text.len() > 512 {
            return Err(WRONG);
        }
        let Some((name, address)) = text
            .strip_suffix('>')
            .and_then(|inner| inner.rsplit_once('<'))
        else {
            let address = text.parse().map_err(|_| WRONG)?;
            return Ok(Self {
                name: None,
                address,
            });
        };
        let name = name.trim();
        let name = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .unwrap_or(name);
        if name.contains(['<', '>', '"', '\\']) {
            return Err(WRONG);
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: address.parse().map_err(|_| WRONG)?,
        })
    }
}

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
    fn only_a_single_email_address_is_valid() {
        for right in [
            "anna@example.com",
            "a.b+c@sub.example.co.uk",
            "ünïcode@exämple.de",
        ] {
            assert!(right.parse::<EmailAddress>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "anna",
            "anna@",
            "@example.com",
            "anna@host",
            "anna@[127.0.0.1]",
            "Anna <anna@example.com>",
            "anna@example.com, eve@example.com",
            "anna@example.com\r\nBcc: eve@example.com",
            "anna@example.com\0",
            "an na@example.com",
        ] {
            assert!(wrong.parse::<EmailAddress>().is_err(), "{wrong:?}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        assert!(long.parse::<EmailAddress>().is_err());
        let domain = "anna@example.com".parse::<EmailAddress>().expect("right");
        assert_eq!(domain.domain(), "example.com");
    }

    #[test]
    fn a_mailbox_may_have_a_display_name() {
        let named = "\"Anna, of sales\" <anna@example.com>"
            .parse::<Mailbox>()
            .expect("right");
        assert_eq!(named.name.as_deref(), Some("Anna, of sales"));
        assert_eq!(named.address.as_str(), "anna@example.com");
        assert_eq!(
            "anna@example.com".parse::<Mailbox>().expect("right").name,
            None
        );
        for wrong in [
            "Anna",
            "Anna <anna>",
            "A\r\nBcc: x <a@example.com>",
            "a <b> <c@example.com>",
        ] {
            assert!(wrong.parse::<Mailbox>().is_err(), "{wrong:?}");
        }
    }

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
