use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The prefix of a secret; not part of the key.
const PREFIX: &str = "whsec_";

/// A signing key, written as `whsec_` and 24 to 64 random bytes in base64. The prefix is optional, as in the
/// reference libraries.
///
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
#[derive(Clone, Debug)]
pub struct SigningSecret(SecretSlice<u8>);

/// The text is not a signing secret. The message completes "the secret …" and never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ and 24 to 64 bytes in base64, for example from: openssl rand -base64 32")]
pub struct InvalidSecret;

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if !(24..=64).contains(&key.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self(key.into()))
    }
}

impl SigningSecret {
    /// `v1,` and the HMAC-SHA256 of `id`, `timestamp` (seconds since 1970) and `body`, joined by dots, in
    /// base64.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        #[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each secret, separated by spaces, so that a receiver
/// that knows one of the secrets can verify the request. `None` if there is no secret.
pub(super) fn signatures(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<String> {
    let signed = secrets
        .iter()
        .map(|secret| secret.sign(id, timestamp, body));
    let signed: Vec<String> = signed.collect();
    (!signed.is_empty()).then(|| signed.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderName;
    use standardwebhooks::Webhook;

    use super::*;

    const PUBLISHED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(bytes: &[u8]) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes))
    }

    fn parsed(text: &str) -> SigningSecret {
        text.parse().expect("a secret")
    }

    #[test]
    fn the_published_test_vector_matches() {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        for text in [PUBLISHED, &PUBLISHED[PREFIX.len()..]] {
            assert_eq!(
                signatures(&[parsed(text)], id, 1_614_265_330, body).as_deref(),
                Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
            );
        }
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_in_base64() {
        for (length, right) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            let text = secret(&vec![7; length]);
            assert_eq!(text.parse::<SigningSecret>().is_ok(), right, "{length}");
        }
        for wrong in [
            "",
            "whsec_",
            "a passphrase, however long it may be, is none",
        ] {
            assert!(wrong.parse::<SigningSecret>().is_err(), "{wrong}");
        }
        assert!(!format!("{:?}", parsed(PUBLISHED)).contains("MfKQ"));
    }

    #[test]
    fn without_a_secret_there_is_no_signature() {
        assert_eq!(signatures(&[], "id", 0, b"{}"), None);
    }

    fn verifies(with: &str, id: &str, header: &str, timestamp: i64, body: &str) -> bool {
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", header.to_owned()),
        ];
        let headers = headers.into_iter().map(|(name, value)| {
            (
                name.parse::<HeaderName>().expect("a name"),
                value.parse().expect("a value"),
            )
        });
        let oracle = Webhook::new(with).expect("a secret");
        oracle.verify(body.as_bytes(), &headers.collect()).is_ok()
    }

    proptest! {
        #[test]
        fn the_reference_implementation_verifies_each_signature(
            keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 24..=64), 1..4),
            id in "[a-zA-Z0-9_-]{1,40}",
            body in any::<String>(),
        ) {
            let texts: Vec<String> = keys.iter().map(|key| secret(key)).collect();
            let secrets: Vec<SigningSecret> = texts.iter().map(|text| parsed(text)).collect();
            let now = jiff::Timestamp::now().as_second();
            let header = signatures(&secrets, &id, now, body.as_bytes()).expect("signed");
            let (longer, other) = (format!("{body} "), format!("{id}x"));
            for text in &texts {
                prop_assert!(verifies(text, &id, &header, now, &body));
                prop_assert!(!verifies(text, &id, &header, now, &longer));
                prop_assert!(!verifies(text, &other, &header, now, &body));
                prop_assert!(!verifies(text, &id, &header, now - 1, &body));
            }
            prop_assert!(!verifies(&secret(&[0; 24]), &id, &header, now, &body));
        }
    }
}
