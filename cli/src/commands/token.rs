//! `tidings token`.

use anyhow::{Context, bail};
use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use tidings_domain::notification::UserId;
use tidings_settings::AppEnv;

use crate::output::CommandOutput;
use crate::settings::{self, TokenSettings};

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user of the token; by default one of the demo users
    #[arg(
        long,
        value_name = "UUID",
        default_value = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
    )]
    user: UserId,
    /// The name of that user
    #[arg(long, value_name = "NAME", default_value = "testuser")]
    username: String,
    /// The scopes of the token, separated by spaces: notifications:send, notifications:send:any, notifications:read,
    /// contacts:write, templates:write, sending:control, schedules:write, users:read, users:write, keys:write, audit:read,
    /// inbox, preferences:write, categories:write, dead-letters:write, dashboard; admin may do everything
    #[arg(long, value_name = "SCOPES", default_value = "admin")]
    scope: String,
    /// The token expires after this time, which may be negative; by default never
    #[arg(long, value_name = "SECS", allow_negative_numbers = true)]
    expires_in: Option<i64>,
}

/// The claims, in the order of the token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenClaims<'a> {
    user_id: UserId,
    username: &'a str,
    scope: &'a str,
    /// Seconds since 1970.
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// Signs a token for development.
pub fn run(args: &Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(|reader| {
        // In production the command fails, whether or not there is a secret.
        let production = AppEnv::read(reader).is_production();
        if production {
            Some(None)
        } else {
            TokenSettings::read(reader).map(Some)
        }
    })?;
    let Some(settings) = settings else {
        bail!(
            "this tool signs no tokens in production, because everyone who can run it could then use the API. \
             Your identity provider must sign them; for development set APP_ENV=development"
        );
    };
    let token = sign(args, &settings, Timestamp::now())?;
    let json = json!({ "token": token });
    CommandOutput::new(format!("{token}\n"), json)
}

fn sign(args: &Args, settings: &TokenSettings, now: Timestamp) -> anyhow::Result<String> {
    let iat = now.as_second();
    let claims = TokenClaims {
        user_id: args.user,
        username: &args.username,
        scope: &args.scope,
        iat,
        exp: args.expires_in.map(|secs| iat.saturating_add(secs).max(0)),
    };
    let algorithm = settings
        .algorithm
        .as_str()
        .parse::<jsonwebtoken::Algorithm>();
    let algorithm = algorithm.context("cannot sign the token")?;
    let key = EncodingKey::from_secret(settings.secret.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).context("cannot sign the token")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;
    use tidings_domain::jwt::JwtAlgorithm;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    fn signed(algorithm: JwtAlgorithm, args: &Args) -> (String, Value) {
        let settings = TokenSettings {
            secret: "a secret".into(),
            algorithm,
        };
        let now = Timestamp::from_second(1_703_600_000).expect("in range");
        let token = sign(args, &settings, now).expect("a token");
        let mut validation = Validation::new(algorithm.to_string().parse().expect("known"));
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(b"a secret");
        let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("its own key");
        (token, claims.claims)
    }

    #[test]
    fn the_default_claims_are_those_of_the_documentation() {
        let args = Args {
            user: USER.parse().expect("a UUID"),
            username: "testuser".to_owned(),
            scope: "admin".to_owned(),
            expires_in: None,
        };
        let (_, claims) = signed(JwtAlgorithm::Hs256, &args);
        let expected =
            json!({"userId": USER, "username": "testuser", "scope": "admin", "iat": 1_703_600_000});
        assert_eq!(claims, expected);
    }

    #[test]
    fn scope_expiry_and_algorithm_can_be_set() {
        let args = Args {
            user: USER.parse().expect("a UUID"),
            username: "testuser".to_owned(),
            scope: "notifications:send".to_owned(),
            expires_in: Some(-60),
        };
        let (token, claims) = signed(JwtAlgorithm::Hs512, &args);
        assert_eq!(claims["scope"], "notifications:send");
        assert_eq!(claims["exp"], 1_703_599_940);
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(header.alg, jsonwebtoken::Algorithm::HS512);
    }
}
