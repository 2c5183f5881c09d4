use std::fmt;

use sha2::{Digest, Sha256};

use crate::content::{DeviceToken, EmailAddress, Json, PhoneNumber, WebhookUrl, recipient_text};
use crate::notification::Channel;

/// The SHA-256 of an address in its normal form, by which the preferences of recipients without an account are found. It
/// hides no telephone number from a search over all numbers, so it is treated like an address: logs do not contain it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressHash([u8; Self::LENGTH]);

impl AddressHash {
    /// The length, in bytes.
    pub const LENGTH: usize = 32;

    /// The hash of this text, which must be an address in its normal form.
    fn of_normal(address: &str) -> Self {
        Self(Sha256::digest(address.as_bytes()).into())
    }

    /// The hash of the address in a payload, by which the preferences of a recipient without an account are found. `None` if
    /// the payload has no valid address.
    #[must_use]
    pub fn of_payload(channel: Channel, payload: &str) -> Option<Self> {
        let payload = Json::object(payload).ok()?;
        let text = recipient_text(channel, &payload)?;
        match channel {
            Channel::InApp => None,
            Channel::Email => text.parse::<EmailAddress>().ok().as_ref().map(Self::from),
            Channel::Sms => text.parse::<PhoneNumber>().ok().as_ref().map(Self::from),
            Channel::Push => {
                let token: DeviceToken = text.parse().ok()?;
                Some(Self::of_normal(token.as_str()))
            }
            Channel::Webhook => {
                let url: WebhookUrl = text.parse().ok()?;
                Some(Self::of_normal(url.as_url().as_str()))
            }
        }
    }

    /// The hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl From<[u8; Self::LENGTH]> for AddressHash {
    fn from(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }
}

impl From<&EmailAddress> for AddressHash {
    fn from(address: &EmailAddress) -> Self {
        Self::of_normal(address.as_str())
    }
}

impl From<&PhoneNumber> for AddressHash {
    fn from(number: &PhoneNumber) -> Self {
        Self::of_normal(number.as_str())
    }
}

impl fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and links of older programs hold these hashes.
    #[test]
    fn all_spellings_of_an_address_have_one_hash_that_never_changes() {
        let of = |text: &str| AddressHash::from(&text.parse::<EmailAddress>().expect(text));
        assert_eq!(of("Anna@Example.COM"), of("anna@example.com"));
        assert_ne!(of("anna@example.com"), of("anna@example.org"));
        let expected: [u8; 32] = Sha256::digest(b"anna@example.com").into();
        assert_eq!(of("anna@example.com").as_bytes(), &expected);
        let number: PhoneNumber = "+4915112345678".parse().expect("a number");
        let hash = AddressHash::from(&number);
        assert_eq!(hash, AddressHash::of_normal("+4915112345678"));
        assert!(!format!("{hash:?}").contains(char::is_numeric));
        for (channel, payload, expected) in [
            (
                Channel::Email,
                r#"{"to": "ANNA@example.com"}"#,
                Some(of("anna@example.com")),
            ),
            (Channel::Email, r#"{"to": "anna"}"#, None),
            (
                Channel::Sms,
                r#"{"phoneNumber": "+4915112345678"}"#,
                Some(hash),
            ),
            (Channel::Sms, r#"{"to": 7}"#, None),
            (
                Channel::Webhook,
                r#"{"to": "HTTPS://Example.com"}"#,
                Some(AddressHash::of_normal("https://example.com/")),
            ),
            (
                Channel::Push,
                r#"{"to": "a-device"}"#,
                Some(AddressHash::of_normal("a-device")),
            ),
            (Channel::InApp, r#"{"to": "anna@example.com"}"#, None),
            (Channel::Email, "[]", None),
        ] {
            assert_eq!(
                AddressHash::of_payload(channel, payload),
                expected,
                "{payload}"
            );
        }
    }
}
