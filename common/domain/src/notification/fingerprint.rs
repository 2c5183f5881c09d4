//! Fingerprints of requests, by which a reused idempotency key is recognised.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Channel, GroupKey, UserId};
use crate::category::CategoryName;
use crate::content::TemplateRef;
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
mod tests {
    use rstest::rstest;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    fn of_payload(payload: &str) -> Fingerprint {
        let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
        Fingerprint::of(&given(&payload))
    }

    fn given(payload: &RawValue) -> GivenNotification<'_> {
        GivenNotification {
            user_id: Some(USER.parse().expect("a UUID")),
            channel: Channel::InApp,
            payload,
            template: None,
            send_at: None,
            expiry: None,
            group: None,
            sensitive: false,
            category: None,
        }
    }

    fn payload() -> Box<RawValue> {
        RawValue::from_string(r#"{"title": "Hi"}"#.to_owned()).expect("JSON")
    }

    fn send_at(json: &str) -> SendAt {
        let value = RawValue::from_string(json.to_owned()).expect("JSON");
        SendAt::read(&value, "sendAt").expect("valid")
    }

    /// Rows and messages of older programs hold fingerprints of version 1.
    #[test]
    fn a_fingerprint_of_this_version_never_changes() {
        let payload = payload();
        let text = canonical(&given(&payload));
        let expected =
            format!(r#"{{"payload":{{"title":"Hi"}},"targetUserId":"{USER}","type":"in-app"}}"#);
        assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
        let expected = "019ba23bbbd5a176c2d996c7b4765d3738";
        assert_eq!(of_payload(r#"{"title": "Hi"}"#).to_string(), expected);
    }

    #[rstest]
    #[case(
        r#"{"a": 1, "b": {"c": [], "d": "ü"}}"#,
        r#"{"b":{"d":"\u00fc","c":[ ]},"a":1}"#
    )]
    #[case(r#"{"amount": 10.10}"#, r#"{"amount": 1.01e1}"#)]
    #[case(r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#)]
    fn spelling_does_not_matter(#[case] one: &str, #[case] other: &str) {
        assert_eq!(of_payload(one), of_payload(other));
    }

    #[rstest]
    #[case(r#"{"id": 18446744073709551616}"#, r#"{"id": 18446744073709551617}"#)]
    #[case(r#"{"id": 1}"#, r#"{"id": "1"}"#)]
    #[case(r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#)]
    #[case(r#"{"a": null}"#, "{}")]
    #[case("{\"a\": \"ü\"}", "{\"a\": \"u\u{308}\"}")]
    fn other_payloads_have_other_fingerprints(#[case] one: &str, #[case] other: &str) {
        let (one, other) = (Some(of_payload(one)), Some(of_payload(other)));
        assert!(Fingerprint::differ(one, other));
    }

    #[test]
    fn every_member_counts() {
        let payload = payload();
        let plain = given(&payload);
        let other_user = Some(UserId::from(uuid::Uuid::nil()));
        let template = |locale: Option<&str>| TemplateRef {
            name: "welcome".to_owned(),
            locale: locale.map(str::to_owned),
        };
        let templates = [template(None), template(Some("de"))];
        let times = [
            send_at("\"2027-03-28T09:00:00Z\""),
            send_at(r#"{"local": "2027-03-28T09:00", "timezone": "UTC"}"#),
            send_at(r#"{"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}"#),
        ];
        let at = "2027-03-28T09:00:00Z".parse().expect("a timestamp");
        let groups = ["a", "b"].map(|group| group.parse::<GroupKey>().expect("valid"));
        let mut all = vec![
            plain,
            GivenNotification {
                user_id: other_user,
                ..plain
            },
            GivenNotification {
                user_id: None,
                ..plain
            },
            GivenNotification {
                channel: Channel::Sms,
                ..plain
            },
        ];
        for template in &templates {
            all.push(GivenNotification {
                template: Some(template),
                ..plain
            });
        }
        for send_at in &times {
            all.push(GivenNotification {
                send_at: Some(send_at),
                ..plain
            });
        }
        for expiry in [Expiry::At(at), Expiry::After(1), Expiry::After(2)] {
            all.push(GivenNotification {
                expiry: Some(expiry),
                ..plain
            });
        }
        for group in &groups {
            all.push(GivenNotification {
                group: Some(group),
                ..plain
            });
        }
        all.push(GivenNotification {
            sensitive: true,
            ..plain
        });
        let categories =
            ["a", "b"].map(|category| category.parse::<CategoryName>().expect("valid"));
        for category in &categories {
            all.push(GivenNotification {
                category: Some(category),
                ..plain
            });
        }
        let mut fingerprints: Vec<_> = all.iter().map(|one| Fingerprint::of(one).0).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), all.len());
    }

    #[test]
    fn an_instant_has_one_fingerprint_in_every_offset() {
        let payload = payload();
        let of = |text: &str| {
            let send_at = send_at(text);
            Fingerprint::of(&GivenNotification {
                send_at: Some(&send_at),
                ..given(&payload)
            })
        };
        let one = of("\"2027-03-28T09:00:00+02:00\"");
        assert_eq!(one, of("\"2027-03-28T07:00:00.000Z\""));
    }

    #[test]
    fn an_absent_fingerprint_and_another_version_differ_from_none() {
        let (one, other) = (of_payload("{}"), of_payload(r#"{"a": 1}"#));
        let mut of_next_version = other;
        of_next_version.0[0] = VERSION + 1;
        assert!(Fingerprint::differ(Some(one), Some(other)));
        for same in [None, Some(one), Some(of_next_version)] {
            assert!(!Fingerprint::differ(Some(one), same));
            assert!(!Fingerprint::differ(same, Some(one)));
        }
        assert!(!Fingerprint::differ(None, None));
    }

    #[test]
    fn its_text_and_its_bytes_are_read_back() {
        let fingerprint = of_payload("{}");
        let json = serde_json::to_string(&fingerprint).expect("JSON");
        assert_eq!(json.len(), 2 + 2 * LENGTH);
        assert_eq!(
            serde_json::from_str::<Fingerprint>(&json).expect("its text"),
            fingerprint
        );
        assert_eq!(
            Fingerprint::from_bytes(fingerprint.as_bytes()),
            Some(fingerprint)
        );
        for wrong in [
            "\"\"",
            "\"01\"",
            "7",
            &json.replace("\"01", "\"0g"),
            &json.replace("\"01", "\"011"),
        ] {
            assert!(
                serde_json::from_str::<Fingerprint>(wrong).is_err(),
                "{wrong}"
            );
        }
        assert_eq!(Fingerprint::from_bytes(&[1; LENGTH + 1]), None);
    }
}
