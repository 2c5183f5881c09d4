use secrecy::ExposeSecret;
use tidings_settings::{AppEnv, Reader, table};

use super::SecretKeys;
use super::key::SecretKey;

impl SecretKeys {
    /// Reads `SECRETS_KEY`: keys separated by commas, blanks or line ends. Records every mistake in `reader`, without the
    /// keys. A weak key that only decrypts is accepted, so that it can be replaced.
    pub fn read(reader: &mut Reader) -> Self {
        let production = AppEnv::read(reader).is_production();
        let text = reader.secret(table::SECRETS_KEY).unwrap_or_default();
        let items = text.expose_secret().split([',', ' ', '\t', '\r', '\n']);
        let mut keys = Vec::<SecretKey>::new();
        for (index, item) in items.filter(|item| !item.is_empty()).enumerate() {
            match item.parse::<SecretKey>() {
                Ok(key) if keys.iter().any(|other| other.id() == key.id()) => {
                    let message = format!("has two keys of the name {}", key.id());
                    reader.problem(table::SECRETS_KEY, message);
                }
                Ok(key) => keys.push(key),
                Err(error) => {
                    let message = format!("key {}: {error}", index + 1);
                    reader.problem(table::SECRETS_KEY, message);
                }
            }
        }
        if production && let Some(first) = keys.first().filter(|key| key.is_weak()) {
            let message = format!(
                "the key {} is guessable or an example: production needs 32 random bytes, for example the output of `echo 1:$(openssl rand -base64 32)`, as the first key",
                first.id()
            );
            reader.problem(table::SECRETS_KEY, message);
        }
        Self {
            keys: keys.into(),
            allow_plain: !production,
        }
    }
}
