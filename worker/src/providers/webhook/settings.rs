use secrecy::{ExposeSecret, SecretString};
use tidings_egress::EgressPolicy;
use tidings_settings::{Reader, table};

use super::SigningSecret;

/// How webhooks are sent.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where they may go.
    pub egress: EgressPolicy,
    /// `WEBHOOK_SIGNING_SECRET`, default none: signs what goes to a URL that a payload names. `whsec_` and
    /// 24 to 64 bytes in base64; several, the newest first, separated by blanks or commas, while one is
    /// being replaced.
    signing_secrets: Vec<SecretString>,
}

impl WebhookSettings {
    /// Reads the section.
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

    /// The secrets that sign what goes to a URL that a payload names, the newest first.
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
