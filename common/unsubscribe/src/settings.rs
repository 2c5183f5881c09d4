use secrecy::ExposeSecret;
use tidings_settings::{AppEnv, Reader, read_public_url, table, weakness};

use crate::links::UnsubscribeLinks;
use crate::secrets::{MIN_LENGTH, UnsubscribeSecrets, items};

impl UnsubscribeLinks {
    /// Reads `UNSUBSCRIBE_SECRETS` and `PUBLIC_URL`. Returns `None` if one of them is not set, and after a mistake, which
    /// `reader` records. An old secret may be guessable, so that it can be replaced.
    pub fn read_settings(reader: &mut Reader) -> Option<Self> {
        let public_url = read_public_url(reader);
        let setting = table::UNSUBSCRIBE_SECRETS;
        let text = reader.secret(setting)?;
        if !reader.is_set(table::PUBLIC_URL) {
            reader.problem(table::PUBLIC_URL, table::PUBLIC_URL.missing());
        }
        let text = text.expose_secret();
        let secrets = match UnsubscribeSecrets::parse(text) {
            Ok(secrets) => secrets,
            Err(error) => {
                reader.problem(setting, error.to_string());
                return None;
            }
        };
        let newest = items(text).next().unwrap_or_default();
        if AppEnv::read(reader).is_production()
            && let Some(why) = weakness(newest, MIN_LENGTH)
        {
            reader.problem(setting, format!("the first secret {why}"));
        }
        Some(Self::new(public_url?, secrets))
    }
}
