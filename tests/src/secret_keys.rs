//! The keys that encrypt secrets in the tables.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tidings_db::SecretKeys;
use tidings_settings::Reader;
use uuid::Uuid;

/// `SECRETS_KEY` of the programs under test, and of the shared API that `./dev test` starts.
pub const KEY: &str = include_str!("../secrets-key").trim_ascii();

/// Returns a new key of this name, as `SECRETS_KEY` has it.
#[must_use]
pub fn new_key(name: &str) -> String {
    let bytes = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    format!("{name}:{}", BASE64_STANDARD.encode(bytes.concat()))
}

/// Returns the keys of a program in development with this `SECRETS_KEY`.
#[must_use]
pub fn keys(setting: &str) -> SecretKeys {
    let vars = [("APP_ENV", "development"), ("SECRETS_KEY", setting)];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut reader = Reader::from_vars(vars);
    let keys = SecretKeys::read(&mut reader);
    reader.finish(Some(keys)).expect("keys")
}
