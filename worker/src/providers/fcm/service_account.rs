use std::path::Path;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};
use tidings_settings::read_text_file;
use url::Url;

/// The scope for sending push messages
/// (<https://developers.google.com/identity/protocols/oauth2/scopes#fcm>).
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

/// Lifetime of an assertion in seconds: the maximum that Google accepts.
const LIFETIME: i64 = 3600;

/// A Google service account, read from its key file.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    project_id: String,
    client_email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: Url,
}

/// The file is not a valid key file of a service account. The messages complete "the file …" and never quote
/// the file.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAccountError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is not a JSON object.
    #[error("is not the JSON of a service account's key file (line {line})")]
    NotJson {
        /// The line of the syntax error, counted from 1; 0 if the file is JSON of another form.
        line: usize,
    },
    /// The file contains another kind of credentials.
    #[error("is not a key file of a service account: its type is not service_account")]
    OtherType,
    /// A required member is missing.
    #[error("is not a key file of a service account: it has no {0}")]
    Missing(&'static str),
    /// The key cannot sign.
    #[error("has a private_key that is not an RSA key in PEM")]
    Key,
    /// The token URI is not an HTTP URL.
    #[error("has a token_uri that is not an http or https URL")]
    TokenUri,
}

/// The claims of the assertion (RFC 7523 §3).
#[derive(Serialize)]
struct AssertionClaims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    /// Reads a key file and checks that its key can sign.
    ///
    /// # Errors
    ///
    /// Fails if the file is not a valid key file.
    pub fn read(path: &Path) -> Result<Self, ServiceAccountError> {
        let text = read_text_file(path).map_err(ServiceAccountError::Unreadable)?;
        Self::parse(&text)
    }

    pub(super) fn parse(text: &str) -> Result<Self, ServiceAccountError> {
        // serde's message may quote the file.
        let file: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| ServiceAccountError::NotJson { line: error.line() })?;
        let member = |name| file.get(name).and_then(Value::as_str);
        let required = |name| {
            let text = member(name).filter(|text| !text.is_empty());
            text.ok_or(ServiceAccountError::Missing(name))
        };
        if member("type").is_some_and(|kind| kind != "service_account") {
            return Err(ServiceAccountError::OtherType);
        }
        let pem = required("private_key")?;
        let token_uri = Url::parse(required("token_uri")?).ok();
        let token_uri = token_uri.filter(|url| matches!(url.scheme(), "http" | "https"));
        let account = Self {
            project_id: required("project_id")?.to_owned(),
            client_email: required("client_email")?.to_owned(),
            key_id: member("private_key_id").map(ToOwned::to_owned),
            key: EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| ServiceAccountError::Key)?,
            token_uri: token_uri.ok_or(ServiceAccountError::TokenUri)?,
        };
        account.assertion(Timestamp::now())?;
        Ok(account)
    }

    pub(super) fn project_id(&self) -> &str {
        &self.project_id
    }

    pub(super) const fn token_uri(&self) -> &Url {
        &self.token_uri
    }

    /// Signs the assertion that requests an access token
    /// (<https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>).
    pub(super) fn assertion(&self, now: Timestamp) -> Result<String, ServiceAccountError> {
        let header = Header {
            kid: self.key_id.clone(),
            ..Header::new(Algorithm::RS256)
        };
        let claims = AssertionClaims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat: now.as_second(),
            exp: now.as_second() + LIFETIME,
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| ServiceAccountError::Key)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::tests::{PRIVATE_KEY, account_file};
    use super::*;

    #[test]
    fn a_key_file_from_the_console_is_read() {
        let file = account_file("https://oauth2.googleapis.com/token").to_string();
        let account = ServiceAccount::parse(&file).expect("right");
        assert_eq!(account.project_id(), "demo-project");
        assert!(!format!("{account:?}").contains("PRIVATE KEY"));
    }

    #[rstest]
    #[case("private_key", "it has no private_key")]
    #[case("client_email", "it has no client_email")]
    #[case("project_id", "it has no project_id")]
    #[case("token_uri", "it has no token_uri")]
    fn a_missing_member_is_named(#[case] name: &str, #[case] said: &str) {
        let mut file = account_file("https://oauth2.googleapis.com/token");
        file.as_object_mut().expect("an object").remove(name);
        let error = ServiceAccount::parse(&file.to_string()).expect_err(name);
        assert!(error.to_string().ends_with(said), "{error}");
    }

    #[rstest]
    #[case("type", "authorized_user", "its type is not service_account")]
    #[case("private_key", "hunter2", "not an RSA key in PEM")]
    #[case("token_uri", "ftp://hunter2/", "not an http or https URL")]
    fn a_wrong_member_is_named_without_its_value(
        #[case] name: &str,
        #[case] value: &str,
        #[case] said: &str,
    ) {
        let mut file = account_file("https://oauth2.googleapis.com/token");
        file[name] = json!(value);
        let error = ServiceAccount::parse(&file.to_string()).expect_err(name);
        let error = error.to_string();
        assert!(
            error.ends_with(said) && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[rstest]
    #[case("\"hunter2\"")]
    #[case("{\"hunter2\": 1,\n")]
    #[case(PRIVATE_KEY)]
    fn an_invalid_file_is_not_quoted(#[case] text: &str) {
        let error = ServiceAccount::parse(text).expect_err("no object");
        let error = error.to_string();
        assert!(error.starts_with("is not the JSON of"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
