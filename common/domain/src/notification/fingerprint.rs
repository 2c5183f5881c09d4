//! Fingerprints of requests, by which a reused idempotency key is recognised.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Channel, GroupKey, UserId};
use crate::category::CategoryName;
use crate::content::TemplateRef;
use crate::digest::DigestKey;
use crate::json::write_canonical;
use crate::time::{Expiry, SendAt, TimezoneRef};

/// The version of what is hashed. Another version of the programs that hashes something else must have another number:
/// [`Fingerprint::differ`] then compares nothing instead of finding that requests differ.
const VERSION: u8 = 1;

/// The length of the hash, in bytes.
const HASH_LENGTH: usize = 16;

/// The length of a fingerprint, in bytes.
const LENGTH: usize = 1 + HASH_LENGTH;

/// A notification as its caller gave it: no defaults are filled in, and times are not relative to an instant yet. The same
/// for every way in which it can be given: a request, an item of a batch.
#[derive(Clone, Copy, Debug)]
pub struct GivenNotification<'a> {
    /// The user that receives the notification, unless only the payload says who does.
    pub user_id: Option<UserId>,
    /// The channel.
    pub channel: Channel,
    /// The payload.
    pub payload: &'a RawValue,
    /// The template, if there is one.
    pub template: Option<&'a TemplateRef>,
    /// `sendAt`.
    pub send_at: Option<&'a SendAt>,
    /// `expiresAt` or `ttlSecs`.
    pub expiry: Option<Expiry>,
    /// The group, if there is one.
    pub group: Option<&'a GroupKey>,
    /// `sensitive`.
    pub sensitive: bool,
    /// The category, if there is one.
    pub category: Option<&'a CategoryName>,
    /// The key of the digest, if there is one.
    pub digest_key: Option<&'a DigestKey>,
}

/// The fingerprint of the request that created a notification, or a schedule, under an idempotency key: a version byte, and
/// the first 16 bytes of the SHA-256 of the [canonical JSON](write_canonical) of what was given.
///
/// In messages it is hexadecimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; LENGTH]);

impl Fingerprint {
    /// The fingerprint of a request.
    #[must_use]
    pub fn of(given: &GivenNotification<'_>) -> Self {
        Self::of_canonical(&canonical(given))
    }

    /// The fingerprint of another request with an idempotency key, whose body is this JSON text.
    #[must_use]
    pub fn of_json(body: &str) -> Self {
        let mut out = Vec::with_capacity(body.len());
        write_canonical(body, &mut out);
        Self::of_canonical(&out)
    }

    fn of_canonical(json: &[u8]) -> Self {
        let hash: [u8; 32] = Sha256::digest(json).into();
        let mut bytes = [VERSION; LENGTH];
        bytes[1..].copy_from_slice(&hash[..HASH_LENGTH]);
        Self(bytes)
    }

    /// The fingerprint with these bytes; `None` if they have another length, as those of another version may have.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The version byte and the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether two fingerprints are known to be those of different requests. One that is absent, or that has another
    /// version, may be that of any request.
    #[must_use]
    pub fn differ(one: Option<Self>, other: Option<Self>) -> bool {
        match (one, other) {
            (Some(Self(one)), Some(Self(other))) => one[0] == other[0] && one != other,
            _ => false,
        }
    }
}

/// The canonical JSON of a notification. A member that is absent leaves no trace, so that a new one changes no fingerprint
/// of notifications without it.
fn canonical(given: &GivenNotification<'_>) -> Vec<u8> {
    let GivenNotification {
        user_id,
        channel,
        payload,
        template,
        send_at,
        expiry,
        group,
        sensitive,
        category,
        digest_key,
    } = *given;
    let (expires_at, ttl_secs) = match expiry {
        None => (None, None),
        Some(Expiry::At(instant)) => (Some(instant.to_string()), None),
        Some(Expiry::After(seconds)) => (None, Some(seconds)),
    };
    let template = template.map(|TemplateRef { name, locale }| match locale {
        None => format!(r#"{{"name":{}}}"#, quoted(name)),
        Some(locale) => format!(r#"{{"locale":{},"name":{}}}"#, quoted(locale), quoted(name)),
    });
    let send_at = send_at.map(|send_at| match send_at {
        SendAt::Instant(instant) => quoted(&instant.to_string()),
        SendAt::Local {
            local,
            timezone: TimezoneRef::Named(timezone),
        } => {
            let (local, timezone) = (quoted(&local.to_string()), quoted(timezone.name()));
            format!(r#"{{"local":{local},"timezone":{timezone}}}"#)
        }
    });
    let mut out = Vec::with_capacity(160 + payload.get().len());
    // In alphabetical order.
    for (name, value) in [
        (
            "category",
            category.map(|category| quoted(category.as_str())),
        ),
        (
            "digest",
            digest_key.map(|key| format!(r#"{{"key":{}}}"#, quoted(key.as_str()))),
        ),
        ("expiresAt", expires_at.map(|text| quoted(&text))),
        ("group", group.map(|group| quoted(group.as_str()))),
        ("payload", None),
        ("sendAt", send_at),
        ("sensitive", sensitive.then(|| "true".to_owned())),
        (
            "targetUserId",
            user_id.map(|user| quoted(&user.to_string())),
        ),
        ("template", template),
        ("ttlSecs", ttl_secs.map(|seconds| seconds.to_string())),
        ("type", Some(quoted(channel.as_str()))),
    ] {
        let is_payload = name == "payload";
        if value.is_none() && !is_payload {
            continue;
        }
        out.push(if out.is_empty() { b'{' } else { b',' });
        out.extend_from_slice(quoted(name).as_bytes());
        out.push(b':');
        if is_payload {
            write_canonical(payload.get(), &mut out);
        } else {
            write_canonical(&value.unwrap_or_default(), &mut out);
        }
    }
    out.push(b'}');
    out
}

/// The JSON string of a text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).ok_or_else(|| D::Error::custom("it is no fingerprint"))
    }
}

fn from_hex(text: &str) -> Option<Fingerprint> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    Fingerprint::from_bytes(&bytes).filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests;
