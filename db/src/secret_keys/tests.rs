use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use rstest::rstest;
use tidings_settings::Reader;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A key of `SECRETS_KEY` whose bytes are derived from `seed`.
fn key(id: &str, seed: u8) -> String {
    let bytes: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(7) ^ seed).collect();
    format!("{id}:{}", BASE64_STANDARD.encode(bytes))
}

fn read(environment: &str, value: &str) -> Result<SecretKeys, String> {
    let vars = [("APP_ENV", environment), ("SECRETS_KEY", value)];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut reader = Reader::from_vars(vars);
    let keys = SecretKeys::read(&mut reader);
    let read = reader.finish(Some(keys));
    read.map_err(|problems| problems.to_string())
}

fn keys(value: &str) -> SecretKeys {
    read("production", value).expect("keys")
}

fn opened(keys: &SecretKeys, endpoint: Uuid, stored: &str) -> Result<String, OpenError> {
    let secret = keys.open(endpoint, stored)?;
    Ok(secret.expose_secret().to_owned())
}

fn sealed(keys: &SecretKeys, endpoint: Uuid) -> String {
    let sealed = keys.seal(endpoint, &SecretString::from(SECRET));
    sealed.expect("sealed").text().to_owned()
}

fn id(text: &str) -> KeyId {
    text.parse().expect("an id")
}

#[test]
fn a_sealed_secret_is_opened_for_its_endpoint_and_does_not_contain_the_secret() {
    let (keys, endpoint) = (keys(&key("1", 1)), Uuid::now_v7());
    let stored = sealed(&keys, endpoint);
    assert!(stored.starts_with("aes-256-gcm:1:"), "{stored}");
    let data = stored.rsplit(':').next().expect("the data");
    let data = BASE64_STANDARD.decode(data).expect("base64");
    let plain = SECRET.as_bytes();
    assert_eq!(data.len(), 12 + plain.len() + 16, "nonce, ciphertext, tag");
    assert!(
        !data
            .windows(8)
            .any(|part| plain.windows(8).any(|other| other == part))
    );
    assert_eq!(opened(&keys, endpoint, &stored).as_deref(), Ok(SECRET));
    assert_ne!(sealed(&keys, endpoint), stored, "each nonce is used once");
}

#[test]
fn a_secret_that_was_moved_to_another_row_is_not_opened() {
    let keys = keys(&key("1", 1));
    let stored = sealed(&keys, Uuid::now_v7());
    let moved = opened(&keys, Uuid::now_v7(), &stored);
    assert_eq!(moved, Err(OpenError::Refused(id("1"))));
}

#[test]
fn another_key_of_the_same_name_or_a_missing_key_does_not_open_a_secret() {
    let endpoint = Uuid::now_v7();
    let stored = sealed(&keys(&key("1", 1)), endpoint);
    let other = opened(&keys(&key("1", 2)), endpoint, &stored);
    assert_eq!(other, Err(OpenError::Refused(id("1"))));
    for value in ["", &key("2", 1)] {
        let unknown = opened(&keys(value), endpoint, &stored);
        assert_eq!(unknown, Err(OpenError::UnknownKey(id("1"))), "{value}");
    }
}

#[test]
fn the_first_key_seals_and_all_open() {
    let endpoint = Uuid::now_v7();
    let old = sealed(&keys(&key("old", 1)), endpoint);
    let both = keys(&format!("{}, {}", key("new", 2), key("old", 1)));
    assert_eq!(both.first(), Some(&id("new")));
    let new = sealed(&both, endpoint);
    assert!(new.starts_with("aes-256-gcm:new:"), "{new}");
    for (stored, state) in [
        (old.as_str(), SecretState::Former(id("old"))),
        (&new, SecretState::Current),
        (SECRET, SecretState::Plain),
    ] {
        assert_eq!(opened(&both, endpoint, stored).as_deref(), Ok(SECRET));
        assert_eq!(both.inspect(endpoint, stored).0, state);
    }
    let unknown = SecretState::Unopened(OpenError::UnknownKey(id("old")));
    let new_alone = keys(&key("new", 2));
    assert_eq!(new_alone.inspect(endpoint, &old).0, unknown);
}

#[rstest]
#[case::nothing("aes-256-gcm:")]
#[case::no_data("aes-256-gcm:1")]
#[case::no_base64("aes-256-gcm:1:!")]
#[case::no_key("aes-256-gcm::AAAA")]
fn a_damaged_text_is_recognised(#[case] stored: &str) {
    let damaged = opened(&keys(&key("1", 1)), Uuid::now_v7(), stored);
    assert_eq!(damaged, Err(OpenError::Damaged));
}

proptest! {
    #[test]
    fn no_byte_of_a_sealed_secret_can_be_changed(position: prop::sample::Index, flip in 1..=u8::MAX) {
        let (keys, endpoint) = (keys(&key("1", 1)), Uuid::now_v7());
        let stored = sealed(&keys, endpoint);
        let (start, data) = stored.rsplit_once(':').expect("parts");
        let mut data = BASE64_STANDARD.decode(data).expect("base64");
        let changed = position.index(data.len());
        data[changed] ^= flip;
        let stored = format!("{start}:{}", BASE64_STANDARD.encode(&data));
        prop_assert_eq!(opened(&keys, endpoint, &stored), Err(OpenError::Refused(id("1"))));
        let short = format!("{start}:{}", BASE64_STANDARD.encode(&data[..changed]));
        prop_assert_eq!(opened(&keys, endpoint, &short), Err(OpenError::Refused(id("1"))));
    }
}

#[test]
fn without_a_key_secrets_are_readable_in_development_and_refused_in_production() {
    let (endpoint, secret) = (Uuid::now_v7(), SecretString::from(SECRET));
    let development = read("development", "").expect("no key");
    let stored = development.seal(endpoint, &secret).expect("readable");
    assert_eq!(stored.text(), SECRET);
    let production = read("", "").expect("no key");
    assert!(!production.can_seal() && development.can_seal());
    let refused = production.seal(endpoint, &secret);
    assert!(matches!(refused, Err(SealError::KeyMissing)), "{refused:?}");
    let existing = opened(&production, endpoint, SECRET);
    assert_eq!(existing.as_deref(), Ok(SECRET), "until it is sealed");
}

#[rstest]
#[case::no_name(
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "key 1: must begin with a name"
)]
#[case::empty_name(":MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", "key 1: must begin")]
#[case::no_base64("1:MfKQ*", "key 1: must be a name, a colon and 32 bytes")]
#[case::too_short("1:MfKQ9r8GKYqrTwjUPD8ILA==", "32 bytes")]
#[case::second(
    "1:MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=,2:MfKQ",
    "key 2: must be"
)]
#[case::twice(
    "1:MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo= 1:AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "two keys of the name 1"
)]
fn a_wrong_key_is_reported_and_not_shown(#[case] value: &str, #[case] said: &str) {
    for environment in ["development", "production"] {
        let problems = read(environment, value).expect_err("wrong");
        assert!(
            problems.contains("SECRETS_KEY: ") && problems.contains(said),
            "{problems}"
        );
        assert!(!problems.contains("fKQ"), "{problems}");
    }
}

#[test]
fn in_production_a_guessable_key_is_refused_unless_it_only_opens() {
    let text = |text: &str| format!("old:{}", BASE64_STANDARD.encode(text));
    for weak in [
        text("change-me-this-is-for-trying-out"),
        text("correct horse battery staple, ok"),
        format!("old:{}", BASE64_STANDARD.encode([0; 32])),
    ] {
        assert!(read("development", &weak).is_ok());
        let problems = read("production", &weak).expect_err("weak");
        assert!(problems.contains("the key old is guessable"), "{problems}");
        assert!(read("production", &format!("{} {weak}", key("new", 1))).is_ok());
    }
}

#[test]
fn no_output_for_debugging_shows_a_key_or_a_secret() {
    let development = read("development", "").expect("no key");
    let secret = development.seal(Uuid::nil(), &SecretString::from(SECRET));
    let keys = keys(&key("1", 1));
    let shown = format!("{keys:?} {secret:?}");
    let bytes = key("1", 1);
    let (_, bytes) = bytes.split_once(':').expect("a key");
    assert!(shown.contains("***"), "{shown}");
    assert!(!shown.contains(bytes) && !shown.contains("MfKQ"), "{shown}");
}
