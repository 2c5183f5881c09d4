use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The digits of base 62.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ID_LENGTH: usize = 10;
const SECRET_LENGTH: usize = 40;
const CHECKSUM_LENGTH: usize = 6;

/// The public part of an API key: 10 digits of base 62. Rotation keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId([u8; ID_LENGTH]);

/// The text is not the id of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of an API key: 10 letters and digits")]
pub struct InvalidApiKeyId;

impl ApiKeyId {
    /// What precedes the id in [`subject`](Self::subject). No token may have a subject that begins so.
    pub const SUBJECT_PREFIX: &str = "key:";

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The bytes are ASCII, so the conversion cannot fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The key whose [`subject`](Self::subject) this is.
    #[must_use]
    pub fn of_subject(subject: &str) -> Option<Self> {
        subject.strip_prefix(Self::SUBJECT_PREFIX)?.parse().ok()
    }

    /// The name of the caller that uses the key: the sender of its notifications and schedules.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}{self}", Self::SUBJECT_PREFIX)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyId({self})")
    }
}

impl serde::Serialize for ApiKeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for ApiKeyId {
    type Err = InvalidApiKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        digits(text).map(Self).ok_or(InvalidApiKeyId)
    }
}

/// The SHA-256 of a key's secret. The secret has 238 random bits, so nobody can find it by trying, and a slow hash would
/// only cost time.
pub type SecretHash = [u8; 32];

/// An API key with its secret: `tdk_<id>_<secret><checksum>`, where the checksum is the CRC-32 of all that precedes it, in
/// base 62. The checksum finds typing errors and random texts before anything is looked up.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: ApiKeyId,
    secret: [u8; SECRET_LENGTH],
}

/// The text is not an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// It does not have the form of a key.
    #[error("does not have the form of an API key")]
    Malformed,
    /// The checksum is wrong.
    #[error("has a wrong checksum")]
    Checksum,
}

impl ApiKey {
    /// What every key begins with.
    pub const PREFIX: &str = "tdk_";

    /// Creates a key with a new id.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Self::with_id(ApiKeyId(random_digits()?))
    }

    /// Creates a key with a new secret and this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no random bytes.
    pub fn with_id(id: ApiKeyId) -> Result<Self, getrandom::Error> {
        let secret = random_digits()?;
        Ok(Self { id, secret })
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The hash that the database stores instead of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> SecretHash {
        Sha256::digest(self.secret).into()
    }

    /// The whole key, secret included.
    #[must_use]
    pub fn expose(&self) -> String {
        let secret = str::from_utf8(&self.secret).unwrap_or_default();
        let mut text = format!("{}{}_{secret}", Self::PREFIX, self.id);
        let checksum = checksum(&text);
        text.extend(checksum.map(char::from));
        text
    }
}

/// Hides the secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}_***)", self.id)
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .strip_prefix(Self::PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .and_then(|(id, rest)| Some((id, rest.split_at_checked(SECRET_LENGTH)?)));
        let (id, (secret, given)) = parts.ok_or(InvalidApiKey::Malformed)?;
        let (Some(id), Some(secret)) = (digits(id), digits(secret)) else {
            return Err(InvalidApiKey::Malformed);
        };
        let body = text.len() - given.len();
        if given.as_bytes() == checksum(&text[..body]) {
            let id = ApiKeyId(id);
            Ok(Self { id, secret })
        } else {
            Err(InvalidApiKey::Checksum)
        }
    }
}

/// The bytes of a text of `N` digits.
pub(super) fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = text.as_bytes().try_into().ok()?;
    bytes.iter().all(u8::is_ascii_alphanumeric).then_some(bytes)
}

/// The CRC-32 of a text in base 62, with zeros in front.
fn checksum(text: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut checksum = [b'0'; CHECKSUM_LENGTH];
    for place in checksum.iter_mut().rev() {
        *place = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    checksum
}

/// `N` random digits of base 62.
///
/// # Errors
///
/// Returns an error if the operating system provides no random bytes.
pub(super) fn random_digits<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let (mut digits, mut filled) = ([0; N], 0);
    while filled < N {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        for byte in bytes.map(usize::from) {
            // The largest multiple of 62 below 256: larger bytes would make some digits more frequent.
            if byte < 248 && filled < N {
                digits[filled] = DIGITS[byte % DIGITS.len()];
                filled += 1;
            }
        }
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let mut secrets = HashSet::new();
        for _ in 0..200 {
            let key = ApiKey::generate().expect("a key");
            let text = key.expose();
            assert_eq!(text.len(), 61);
            assert_eq!(text.parse(), Ok(key.clone()));
            assert_eq!(key.id().as_str(), &text[4..14]);
            assert_eq!(key.id().as_str().parse(), Ok(key.id()));
            assert_eq!(ApiKeyId::of_subject(&key.id().subject()), Some(key.id()));
            assert_eq!(ApiKeyId::of_subject(key.id().as_str()), None);
            assert!(secrets.insert(text[15..55].to_owned()));
            let rotated = ApiKey::with_id(key.id()).expect("a key");
            assert_eq!(rotated.id(), key.id());
            assert_ne!(rotated.secret_hash(), key.secret_hash());
        }
        let used: HashSet<char> = secrets.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(used.len(), DIGITS.len());
    }

    /// Other programs may check keys before they use them, so the form is fixed.
    #[test]
    fn the_checksum_is_the_crc_32_in_base_62() {
        let body = format!("tdk_0123456789_{}", "a".repeat(40));
        let text = format!("{body}{}", str::from_utf8(&checksum(&body)).expect("ASCII"));
        let key: ApiKey = text.parse().expect("a key");
        assert_eq!(key.secret_hash(), *Sha256::digest("a".repeat(40)));
        // The CRC-32 of "123456789" is 0xcbf43926 (the check value in the catalogue of CRC algorithms).
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum("123456789"), *b"3jZRME");
    }

    #[test]
    fn one_wrong_character_anywhere_is_found() {
        let text = ApiKey::generate().expect("a key").expose();
        for place in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).expect("ASCII");
            assert!(wrong.parse::<ApiKey>().is_err(), "{place}");
        }
        for wrong in [
            "",
            "tdk_",
            "tdk__",
            &text[1..],
            &text[..60],
            &format!("{text}0"),
            &text.replacen("tdk", "tdr", 1),
            &text.replace('_', "-"),
            &format!("{}ü{}", &text[..20], &text[22..]),
        ] {
            assert!(wrong.parse::<ApiKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_not_in_debug_output() {
        let key = ApiKey::generate().expect("a key");
        assert_eq!(format!("{key:?}"), format!("ApiKey({}_***)", key.id()));
    }
}
