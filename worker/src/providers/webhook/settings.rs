use secrecy::{ExposeSecret, SecretString};
use tidings_egress::EgressPolicy;
use tidings_settings::{Reader, table};

use super::SigningSecret;

/// The settings of the provider `http` of webhooks.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// The hosts and addresses that webhooks may be sent to.
    pub egress: EgressPolicy,
    /// `WEBHOOK_SIGNING_SECRET`, default none: signs webhooks to URLs in payloads. `whsec_` and 24 to 64
    /// bytes in base64. While a secret is being replaced, several, separated by spaces or commas, newest
    /// first.
    signing_secrets: Vec<SecretString>,
}

impl WebhookSettings {
    /// Reads the section. Returns `None` after a mistake, which `reader` records.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let egress = EgressPolicy::read(reader);
        let text = reader
            .secret(table::WEBHOOK_SIGNING_SECRET)
            .unwrap_or_default();
        let parts = text.expose_secret().split([' ', ',', '\t']);
        let secrets: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let wrong = secrets
            .iter()
            .find_map(|secret| secret.parse::<SigningSecret>().err());
        if let Some(wrong) = wrong {
            reader.problem(table::WEBHOOK_SIGNING_SECRET, wrong.to_string());
            return None;
        }
        Some(Self {
            egress,
            signing_secrets: secrets.into_iter().map(SecretString::from).collect(),
        })
    }

    /// Returns the secrets that sign webhooks to URLs in payloads, newest first.
    #[must_use]
    pub fn signing_secrets(&self) -> Vec<SecretString> {
        self.signing_secrets.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read(value: &str) -> Result<usize, String> {
        let vars = [("WEBHOOK_SIGNING_SECRET".to_owned(), value.to_owned())];
        let mut reader = Reader::from_vars(vars);
        let settings = WebhookSettings::read(&mut reader);
        let settings = reader.finish(settings).map_err(|wrong| wrong.to_string())?;
        Ok(settings.signing_secrets().len())
    }

    #[test]
    fn there_may_be_no_secret_or_several() {
        assert_eq!(read(""), Ok(0));
        assert_eq!(read(SECRET), Ok(1));
        assert_eq!(read(&format!("{SECRET}, {SECRET} {SECRET}")), Ok(3));
    }

    #[test]
    fn a_wrong_secret_is_reported_and_not_shown() {
        let said = read(&format!("{SECRET} a-passphrase")).expect_err("wrong");
        assert!(said.contains("WEBHOOK_SIGNING_SECRET"), "{said}");
        assert!(
            !said.contains("passphrase") && !said.contains("MfKQ"),
            "{said}"
        );
    }
}
